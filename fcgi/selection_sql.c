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
    sql_column(&sql->text, field, "");
    buffer_string(&sql->text, operators[filter->operator]);
    for (int i = 0; i < filter->count; i++) {
        buffer_string(&sql->text, i > 0 ? ", " : "");
        sql->values[sql->count++] = filter->values[i];
        write_parameter(&sql->text, field, sql->count);
    }
    buffer_string(&sql->text, filter->operator== SELECTION_IN ? ")" : "");
}

/* Returns what a further condition begins with. */
static const char *write_conditions(const struct selection *selection, struct selection_sql *sql)
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
    return and;
}

void selection_where(const struct selection *selection, struct selection_sql *sql)
{
    write_conditions(selection, sql);
}

/* ---- pages ---- */

/*
 * The rows behind a given one, in the order of the columns c1, c2, … are those that have its c1 and c2 and …
 * but a later last column; those that have its c1 and … but a later one before that; and so on. Each of these
 * parts is a range of an index, so each is asked for by itself, and the page is what comes first of all.
 * PostgreSQL would read a condition on all of them at once, or a row comparison with NULLs, row by row.
 */
struct page {
    const struct selection *selection;
    struct selection_sql *sql;
    const char *const *after;
    int numbers[RESOURCE_FIELDS + 1]; /* of the parameters with the values of `after` */
    int rows;
    struct buffer where; /* the filters' and q's conditions */
    const char *and;     /* behind them */
    int parts;           /* that are written */
};

static void write_order(const struct page *page)
{
    const struct selection *selection = page->selection;
    struct buffer *out = &page->sql->text;
    for (int i = 0; i < selection->order_count; i++) {
        buffer_string(out, i > 0 ? ", " : " ORDER BY ");
        sql_column(out, &selection->resource->fields[selection->order[i].field], "");
        buffer_string(out, selection->order[i].descending ? " DESC" : "");
    }
    buffer_format(out, " LIMIT %d", page->rows);
}

static void write_select(const struct page *page)
{
    buffer_string(&page->sql->text, "SELECT ");
    sql_row(&page->sql->text, page->selection->resource, "");
    buffer_string(&page->sql->text, " FROM ");
}

/* Append that column `i` of the order is (" = ") what the row before has, or comes behind it (" > ", " < ").
 */
static void write_comparison(const struct page *page, int i, const char *operator)
{
    const struct field *field = &page->selection->resource->fields[page->selection->order[i].field];
    struct buffer *out = &page->sql->text;
    sql_column(out, field, "");
    if (page->after[i] == NULL) {
        buffer_string(out, " IS NULL");
        return;
    }
    buffer_string(out, operator);
    write_parameter(out, field, page->numbers[i]);
}

/* One part: the columns before `i` are as in the row before, and column `i` is as `condition` says (" IS
 * NULL"), or compared with `operator`. */
static void write_part(struct page *page, int i, const char *operator, const char * condition)
{
    struct buffer *out = &page->sql->text;
    const char *and = page->and;
    buffer_string(out, page->parts++ > 0 ? " UNION ALL (" : "(");
    write_select(page);
    buffer_string(out, page->selection->resource->name);
    buffer_append(out, page->where.bytes, page->where.length);
    for (int before = 0; before < i; before++) {
        buffer_string(out, and);
        write_comparison(page, before, " = ");
        and = " AND ";
    }
    buffer_string(out, and);
    if (condition != NULL) {
        sql_column(out, &page->selection->resource->fields[page->selection->order[i].field], "");
        buffer_string(out, condition);
    } else
        write_comparison(page, i, operator);
    write_order(page);
    buffer_string(out, ")");
}

/* NULLs come last in ascending order, and first in descending order. */
static void write_parts(struct page *page)
{
    const struct selection *selection = page->selection;
    for (int i = selection->order_count - 1; i >= 0; i--) {
        const struct field *field = &selection->resource->fields[selection->order[i].field];
        bool descending = selection->order[i].descending, null = page->after[i] == NULL;
        if (!null)
            write_part(page, i, descending ? " < " : " > ", NULL);
        if (!descending && !null && field->access == FIELD_NULLABLE)
            write_part(page, i, NULL, " IS NULL");
        if (descending && null)
            write_part(page, i, NULL, " IS NOT NULL");
    }
}

static void write_first(struct page *page)
{
    write_select(page);
    buffer_string(&page->sql->text, page->selection->resource->name);
    buffer_append(&page->sql->text, page->where.bytes, page->where.length);
    write_order(page);
}

static void write_next(struct page *page)
{
    struct selection_sql *sql = page->sql;
    for (int i = 0; i < page->selection->order_count; i++) {
        if (page->after[i] == NULL)
            continue;
        sql->values[sql->count++] = page->after[i];
        page->numbers[i] = sql->count;
    }
    if (page->selection->order_count == 1) { /* the key alone: one part */
        write_parts(page);
        return;
    }
    write_select(page);
    buffer_string(&sql->text, "(");
    write_parts(page);
    buffer_string(&sql->text, ") AS found");
    write_order(page);
}

int selection_page_sql(const struct selection *selection, const char *const *after, int rows,
                       struct arena *arena, struct selection_sql *sql)
{
    struct page page = {.selection = selection, .sql = sql, .after = after, .rows = rows};
    if (selection_sql_begin(selection, arena, sql) != 0)
        return -1;
    page.and = write_conditions(selection, sql);
    page.where = sql->text;
    buffer_init(&sql->text);
    if (after == NULL)
        write_first(&page);
    else
        write_next(&page);
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
    write_conditions(selection, sql);
    return selection_sql_end(sql);
}
