/*
 * Path, query and headers: the functions that take them apart, then the routes with all that they check, then
 * the selection that a query makes.
 *
 * The input is as a client would write it: "GET /v1/passengers?age=gte.30", and lines such as "Accept:
 * text/csv".
 */

#include "check.h"
#include "employees.h"
#include "inside.h"
#include "json.h"
#include "passengers.h"
#include "selection.h"
#include "uri.h"

#include <ctype.h>
#include <string.h>

#define HEADERS 8
#define NAME    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-" /* what nginx lets pass, and we use */

/* ---- what is asked ---- */

struct asked {
    char *text; /* in pieces */
    const char *method, *uri;
    const char *params[2 * HEADERS + 1];
};

/* "Accept" is HTTP_ACCEPT to FastCGI. */
static const char *name_param(const char *name, char out[40])
{
    size_t length = (size_t)snprintf(out, 40, "HTTP_%s", name);
    for (size_t i = 0; i < length && i < 40; i++)
        out[i] = out[i] == '-' ? '_' : (char)toupper((unsigned char)out[i]);
    return out;
}

static void read_asked(struct asked *asked, const uint8_t *input, size_t size)
{
    static char names[HEADERS][40];
    char *rest = strndup((const char *)input, size), *line;
    int count = 0;
    *asked = (struct asked){.text = rest};
    CHECK(rest != NULL);
    line = strsep(&rest, "\n");
    asked->method = strsep(&line, " ");
    asked->uri = line != NULL ? line : "";
    while (count < HEADERS && (line = strsep(&rest, "\n")) != NULL) {
        const char *name = strsep(&line, ":");
        if (line == NULL || *name == '\0' || name[strspn(name, NAME)] != '\0')
            continue;
        asked->params[2 * count] = name_param(name, names[count]);
        asked->params[2 * count + 1] = line + strspn(line, " ");
        count++;
    }
}

/* ---- the pieces ---- */

/* Decoded, encoded and decoded again: the same. */
static void check_path(const char *target)
{
    struct uri uri, again;
    struct arena arena;
    struct buffer text = {0};
    arena_init(&arena);
    if (uri_split(&uri, target, &arena) == NULL && uri.count <= URI_SEGMENTS) {
        for (int i = 0; i < uri.count; i++) {
            buffer_string(&text, "/");
            uri_encode(&text, uri.segments[i]);
        }
        buffer_append(&text, uri.count == 0 ? "/" : "", uri.count == 0 ? 2 : 1);
        CHECK(uri_split(&again, text.bytes, &arena) == NULL && again.count == uri.count);
        for (int i = 0; i < uri.count; i++)
            CHECK(strcmp(again.segments[i], uri.segments[i]) == 0);
    }
    buffer_free(&text);
    arena_free(&arena);
}

static void check_parameters(const char *query)
{
    struct uri_parameter parameters[URI_PARAMETERS], again[1];
    struct arena arena;
    size_t wrong;
    arena_init(&arena);
    int count = uri_parameters(parameters, query, &arena);
    CHECK(count >= 0 && count <= URI_PARAMETERS + 1);
    for (int i = 0; i < count && i < URI_PARAMETERS; i++) {
        const char *name = parameters[i].name, *value = parameters[i].value;
        struct buffer text = {0};
        CHECK(json_utf8_valid(name, strlen(name), &wrong) && json_utf8_valid(value, strlen(value), &wrong));
        uri_encode_parameter(&text, name);
        buffer_string(&text, "=");
        uri_encode_parameter(&text, value);
        buffer_append(&text, "", 1);
        CHECK(uri_parameters(again, text.bytes, &arena) == 1 && again->fault == NULL);
        CHECK(strcmp(again->name, name) == 0 && strcmp(again->value, value) == 0);
        buffer_free(&text);
    }
    arena_free(&arena);
}

/* ---- what the database is asked ---- */

/* The values fit the statement's places, and PostgreSQL can read them as text. */
static void check_query(const struct database_query *query)
{
    const char *sql = query->sql != NULL ? query->sql : query->statement->text.sql;
    bool quoted = false;
    int most = 0;
    size_t wrong;
    for (const char *at = sql; *at != '\0'; at++) {
        CHECK((*at >= ' ' && *at <= '~') || *at == '\n');
        quoted ^= *at == '\'';
        if (*at == '$' && isdigit((unsigned char)at[1]) && atoi(at + 1) > most)
            most = atoi(at + 1);
    }
    CHECK(!quoted && most == query->count);
    for (int i = 0; i < query->count; i++)
        CHECK(query->values[i] == NULL ||
              json_utf8_valid(query->values[i], strlen(query->values[i]), &wrong));
}

/* ---- selections ---- */

static struct buffer address; /* of the page that was asked for, from the look before */
static uint64_t digest;

/* The statement has nothing of what the client wrote: with other values it is the same. */
static void check_sql(const struct selection *selection, struct arena *arena)
{
    static const char *const others[SELECTION_LIST] = {[0 ... SELECTION_LIST - 1] = "another"};
    struct selection other = *selection;
    struct selection_sql sql, other_sql;
    other.words = others;
    for (int i = 0; i < other.filter_count; i++)
        other.filters[i].values = others;
    CHECK(selection->word_count <= SELECTION_LIST);
    CHECK(selection_page_sql(selection, selection->after, 50, arena, &sql) == 0);
    CHECK(selection_page_sql(&other, selection->after, 50, arena, &other_sql) == 0);
    CHECK(strcmp(sql.text.bytes, other_sql.text.bytes) == 0 && sql.count == other_sql.count);
    check_query(&(struct database_query){.sql = sql.text.bytes, .values = sql.values, .count = sql.count});
    selection_sql_free(&sql);
    selection_sql_free(&other_sql);
}

/* Each value, once read, is in the form that is read as itself. */
static void check_values(const struct selection *selection, struct arena *arena)
{
    struct field_value again;
    for (int i = 0; i < selection->filter_count; i++) {
        const struct selection_filter *filter = &selection->filters[i];
        const struct field *field = &selection->resource->fields[filter->field];
        if (filter->operator== SELECTION_LIKE || filter->operator== SELECTION_ILIKE)
            continue;
        for (int k = 0; k < filter->count; k++) {
            CHECK(field_from_filter(field, filter->values[k], arena, &again) == NULL);
            CHECK(strcmp(again.bytes, filter->values[k]) == 0);
        }
    }
}

static void look(struct request *request)
{
    struct selection *selection = arena_alloc(&request->arena, sizeof *selection);
    CHECK(selection != NULL);
    if (!selection_read(selection, request, SELECTION_PAGE))
        return;
    check_values(selection, &request->arena);
    check_sql(selection, &request->arena);
    buffer_clear(&address);
    selection_address(selection, request, selection->after, &address);
    buffer_append(&address, "", 1);
    digest = selection_digest(selection);
    request_answer(request, 200, "", "text/plain", "", 0);
}

static const struct route routes[] = {
    {METHOD_GET, "/look/passengers", look, &passengers_resource, .v1 = true, .query = true},
    {METHOD_GET, "/look/employees", look, &employees_resource, .v1 = true, .query = true},
};
static const struct route_table table = {routes, sizeof routes / sizeof *routes};
static const struct route_table *const tables[] = {&table, NULL};

/* The address of a page leads to the same page, and its address is the same again. */
static void check_selection(const char *path, const char *query)
{
    struct buffer uri = {0};
    buffer_format(&uri, "%s?%s", path, query);
    buffer_append(&uri, "", 1);
    CHECK(inside_ask(&(struct inside_request){.method = "GET", .uri = uri.bytes}) == NULL);
    if (inside_answer()->status == 200) {
        uint64_t before = digest;
        char *first = strdup(address.bytes);
        CHECK(inside_ask(&(struct inside_request){.method = "GET", .uri = first}) == NULL);
        CHECK(inside_answer()->status == 200);
        CHECK(digest == before && strcmp(first, address.bytes) == 0);
        free(first);
    }
    buffer_free(&uri);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
    struct asked asked;
    inside_open(tables);
    read_asked(&asked, input, size);
    check_path(asked.uri);
    const struct database_query *query =
        inside_ask(&(struct inside_request){asked.method, asked.uri, NULL, NULL, 0, asked.params});
    if (query != NULL)
        check_query(query);
    inside_answer();
    const char *parameters = strchr(asked.uri, '?');
    if (parameters != NULL) {
        check_parameters(parameters + 1);
        check_selection("/look/passengers", parameters + 1);
        check_selection("/look/employees", parameters + 1);
    }
    free(asked.text);
    return 0;
}
