/* The SQL of a selection. What a client sends is never part of its text. */

#include "selection.h"

#include "sql.h"

/* ---- values ---- */

int selection_sql_begin(const struct selection *selection, struct arena *arena, struct selection_sql *sql)
{
    int most = selection->word_count + selection->order_count;
    for (int i = 0; i < selection->filter_count; i++)
        most += selection->filters[i].count;
    *sql = (struct selection_sql){.values = arena_alloc(arena, (size_t)most * sizeof *sql->values)};
    buffer_init(&sql->text);
    return sql->values != NULL ? 0 : -1;
}

int selection_sql_end(struct selection_sql *sql)
{
    buffer_append(&sql->text, "", 1);
    if (!sql->text.failed)
        return 0;
    buffer_free(&sql->text);
    return -1;
}

void selection_sql_free(struct selection_sql *sql)
{
    buffer_free(&sql->text);
}

/* Append a parameter, as the column's values are compared. */
static void write_parameter(struct buffer *out, const struct field *field, int number)
{
    struct buffer parameter;
    buffer_init(&parameter);
    buffer_format(&parameter, "$%d::%s", number, sql_type(field));
    buffer_append(&parameter, "", 1);
    if (parameter.failed)
        out->failed = true;
    else
        sql_value(out, field, parameter.bytes);
    buffer_free(&parameter);
}

/* ---- conditions ---- */

/* Whether a filter before this one has a list for the same column, too. */
static bool has_list_before(const struct selection *selection, const struct selection_filter *filter)
{
    for (const struct selection_filter *each = selection->filters; each < filter; each++)
        if (each->operator== SELECTION_IN && each->field == filter->field)
            return true;
    return false;
}

/*
 * Of several lists for one column only the first may be looked up in an index: PostgreSQL would ask it for
 * each combination of their values. What is held against IS TRUE is looked at in the rows.
 */
static void write_filter(const struct selection *selection, const struct selection_filter *filter,
                         struct selection_sql *sql)
{
    static const char *const operators[] = {[SELECTION_EQ] = " = ",
                                            [SELECTION_NEQ] = " <> ",
                                            [SELECTION_GT] = " > ",
                                            [SELECTION_GTE] = " >= ",
                                            [SELECTION_LT] = " < ",
                                            [SELECTION_LTE] = " <= ",
                                            [SELECTION_LIKE] = " LIKE ",
                                            [SELECTION_ILIKE] = " ILIKE ",
                                            [SELECTION_IN] = " IN (",
                                            [SELECTION_IS_NULL] = " IS NULL",
                                            [SELECTION_IS_NOT_NULL] = " IS NOT NULL"};
    const struct field *field = &selection->resource->fields[filter->field];
    bool list = filter->operator== SELECTION_IN, again = list && has_list_before(selection, filter);
    buffer_string(&sql->text, again ? "(" : "");
    sql_column(&sql->text, field, "");
    buffer_string(&sql->text, operators[filter->operator]);
    for (int i = 0; i < filter->count; i++) {
        buffer_string(&sql->text, i > 0 ? ", " : "");
        sql->values[sql->count++] = filter->values[i];
        write_parameter(&sql->text, field, sql->count);
    }
    buffer_string(&sql->text, list ? ")" : "");
    buffer_string(&sql->text, again ? ") IS TRUE" : "");
}

void selection_where(const struct selection *selection, struct selection_sql *sql)
{
    const char *and = " WHERE ";
    for (int i = 0; i < selection->filter_count; i++) {
        buffer_string(&sql->text, and);
        write_filter(selection, &selection->filters[i], sql);
        and = " AND ";
    }
    for (int i = 0; i < selection->word_count; i++) {
        sql->values[sql->count++] = selection->words[i];
        buffer_format(&sql->text, "%s%s ILIKE $%d::text", and,
                      selection->resource->fields[selection->resource->searched].column, sql->count);
        and = " AND ";
    }
}

/* ---- pages ---- */

/*
 * The rows behind a given one, in the order of the columns c1, c2, … are those that have its c1 and c2 and …
 * but a later last column; those that have its c1 and … but a later one before that; and so on. Each of these
 * parts is a range of an index, so each is asked for by itself, and the page is what comes first of all.
 * PostgreSQL would read a condition on all of them at once, or a row comparison with NULLs, row by row.
 *
 * Where a filter has an index that is not the order's, PostgreSQL may still go through the table in the order
 * that is asked for until it has met enough rows that match; if there are hardly any it goes through all of
 * it, row by row. So it is asked for FEW rows first, in any order: when these are all, they are what the page
 * is picked from.
 */
#define FEW "1000"

struct part {
    int column;      /* in the order; those before it are as in the row before */
    const char *how; /* how it is behind that row's: an operator, or " IS NULL", " IS NOT NULL" */
};

struct page {
    const struct selection *selection;
    struct selection_sql *sql;
    const char *const *after;
    int numbers[RESOURCE_FIELDS + 1]; /* of the parameters with the values of `after` */
    struct part parts[2 * (RESOURCE_FIELDS + 1)];
    int part_count; /* 0: from the first row on */
    int rows;
    struct buffer where; /* the filters' and q's conditions */
    bool careful;        /* look for few rows first */
};

static const struct field *order_field(const struct page *page, int column)
{
    return &page->selection->resource->fields[page->selection->order[column].field];
}

/* NULLs come last in ascending order, and first in descending order. */
static void find_parts(struct page *page)
{
    for (int i = page->selection->order_count - 1; i >= 0; i--) {
        bool descending = page->selection->order[i].descending, null = page->after[i] == NULL;
        if (!null)
            page->parts[page->part_count++] = (struct part){i, descending ? " < " : " > "};
        if (!descending && !null && order_field(page, i)->access == FIELD_NULLABLE)
            page->parts[page->part_count++] = (struct part){i, " IS NULL"};
        if (descending && null)
            page->parts[page->part_count++] = (struct part){i, " IS NOT NULL"};
    }
}

static void add_values(struct page *page)
{
    struct selection_sql *sql = page->sql;
    for (int i = 0; i < page->selection->order_count; i++) {
        if (page->after[i] == NULL)
            continue;
        sql->values[sql->count++] = page->after[i];
        page->numbers[i] = sql->count;
    }
}

static void write_select(const struct page *page, const char *from)
{
    buffer_string(&page->sql->text, "SELECT ");
    sql_row(&page->sql->text, page->selection->resource, "");
    buffer_format(&page->sql->text, " FROM %s", from);
}

static void write_order(const struct page *page)
{
    struct buffer *out = &page->sql->text;
    for (int i = 0; i < page->selection->order_count; i++) {
        buffer_string(out, i > 0 ? ", " : " ORDER BY ");
        sql_column(out, order_field(page, i), "");
        buffer_string(out, page->selection->order[i].descending ? " DESC" : "");
    }
    buffer_format(out, " LIMIT %d", page->rows);
}

static void write_comparison(const struct page *page, int column, const char *how)
{
    struct buffer *out = &page->sql->text;
    sql_column(out, order_field(page, column), "");
    buffer_string(out, how);
    if (how[1] != 'I')
        write_parameter(out, order_field(page, column), page->numbers[column]);
}

static void write_part(const struct page *page, const struct part *part)
{
    for (int i = 0; i < part->column; i++) {
        write_comparison(page, i, page->after[i] != NULL ? " = " : " IS NULL");
        buffer_string(&page->sql->text, " AND ");
    }
    write_comparison(page, part->column, part->how);
}

/* Pick from the few. */
static void write_few(const struct page *page)
{
    struct buffer *out = &page->sql->text;
    write_select(page, "few WHERE (SELECT count(*) FROM few) <= " FEW);
    for (int i = 0; i < page->part_count; i++) {
        buffer_string(out, i == 0 ? " AND (" : " OR ");
        write_part(page, &page->parts[i]);
    }
    buffer_string(out, page->part_count > 0 ? ")" : "");
    write_order(page);
}

/* Pick from the table; `part` NULL: from the first row on. */
static void write_many(const struct page *page, const struct part *part)
{
    struct buffer *out = &page->sql->text;
    write_select(page, page->selection->resource->name);
    buffer_append(out, page->where.bytes, page->where.length);
    buffer_string(out, page->careful ? " AND (SELECT count(*) FROM few) > " FEW : "");
    if (part != NULL) {
        buffer_string(out, page->where.length > 0 ? " AND " : " WHERE ");
        write_part(page, part);
    }
    write_order(page);
}

static void write_union(const struct page *page)
{
    struct buffer *out = &page->sql->text;
    if (page->careful) {
        buffer_string(out, "WITH few AS MATERIALIZED (");
        write_select(page, page->selection->resource->name);
        buffer_append(out, page->where.bytes, page->where.length);
        buffer_string(out, " LIMIT " FEW " + 1) ");
    }
    write_select(page, "(");
    if (page->careful) {
        buffer_string(out, "(");
        write_few(page);
        buffer_string(out, ") UNION ALL ");
    }
    for (int i = 0; i == 0 || i < page->part_count; i++) {
        buffer_string(out, i > 0 ? ") UNION ALL (" : "(");
        write_many(page, page->part_count > 0 ? &page->parts[i] : NULL);
    }
    buffer_string(out, ")) AS found");
    write_order(page);
}

/* Whether an index finds the rows of the filter without regard to the order. A range of the order's first
 * column is a part of the index that is gone through anyway. */
static bool has_another_index(const struct selection *selection, const struct selection_filter *filter)
{
    bool pattern = filter->operator== SELECTION_LIKE || filter->operator== SELECTION_ILIKE;
    if (pattern)
        return filter->field == selection->resource->searched;
    return filter->operator!= SELECTION_NEQ && filter->operator!= SELECTION_IS_NOT_NULL &&
        selection->resource->fields[filter->field]
            .indexed && filter->field != selection->order[0]
            .field;
}

/* Several filters may exclude each other, which PostgreSQL does not know. In the order of the key the rows
 * lie beside each other, and to go through them costs no more than a look at all of them. */
static bool must_be_careful(const struct selection *selection)
{
    int others = 0;
    for (int i = 0; i < selection->filter_count; i++) {
        if (has_another_index(selection, &selection->filters[i]))
            return true;
        others += selection->filters[i].field != selection->order[0].field;
    }
    return selection->word_count > 0 || (others > 1 && selection->order[0].field != selection->resource->key);
}

int selection_page_sql(const struct selection *selection, const char *const *after, int rows,
                       struct arena *arena, struct selection_sql *sql)
{
    struct page page = {.selection = selection,
                        .sql = sql,
                        .after = after,
                        .rows = rows,
                        .careful = must_be_careful(selection)};
    if (selection_sql_begin(selection, arena, sql) != 0)
        return -1;
    selection_where(selection, sql);
    page.where = sql->text;
    buffer_init(&sql->text);
    if (after != NULL) {
        find_parts(&page);
        add_values(&page);
    }
    if (!page.careful && page.part_count <= 1)
        write_many(&page, after != NULL ? &page.parts[0] : NULL);
    else
        write_union(&page);
    sql->text.failed = sql->text.failed || page.where.failed;
    buffer_free(&page.where);
    return selection_sql_end(sql);
}

int selection_count_sql(const struct selection *selection, bool estimated, struct arena *arena,
                        struct selection_sql *sql)
{
    if (selection_sql_begin(selection, arena, sql) != 0)
        return -1;
    buffer_format(&sql->text, "%s FROM %s", estimated ? "EXPLAIN SELECT" : "SELECT count(*)",
                  selection->resource->name);
    selection_where(selection, sql);
    return selection_sql_end(sql);
}
