// wrap: malloc calloc realloc
#include "uri.h"

#include "inject.h"
#include "unit.h"

#include <stdio.h>

INJECT_MEMORY

struct split {
    const char *target;
    int count;
    const char *segments[URI_SEGMENTS];
    const char *query;
};

static void targets_are_split_and_decoded(void **state)
{
    static const struct split cases[] = {
        {"/", 0, {NULL}, ""},
        {"/?", 0, {NULL}, ""},
        {"/?a=b", 0, {NULL}, "a=b"},
        {"/hello", 1, {"hello"}, ""},
        {"/hello/", 2, {"hello", ""}, ""},
        {"//", 2, {"", ""}, ""},
        {"//hello", 2, {"", "hello"}, ""},
        {"/a//b", 3, {"a", "", "b"}, ""},
        {"/a/b?c=%20/d?e", 2, {"a", "b"}, "c=%20/d?e"},
        {"/get/ada@example.org", 2, {"get", "ada@example.org"}, ""},
        {"/get/ada%40example.org", 2, {"get", "ada@example.org"}, ""},
        {"/get/a+b", 2, {"get", "a+b"}, ""},
        {"/get/a%2Bb", 2, {"get", "a+b"}, ""},
        {"/get/a%20b", 2, {"get", "a b"}, ""},
        {"/get/a%2Fb", 2, {"get", "a/b"}, ""},
        {"/get/a%2fb/c", 3, {"get", "a/b", "c"}, ""},
        {"/get/a%3Fb", 2, {"get", "a?b"}, ""},
        {"/get/%2525", 2, {"get", "%25"}, ""}, /* once, not twice */
        {"/%C3%A9t%c3%A9", 1, {"\u00e9t\u00e9"}, ""},
        {"/\xc3\xa9", 1, {"\u00e9"}, ""},
        {"/%F0%9F%9A%A2", 1, {"\U0001f6a2"}, ""},
        {"/..", 1, {".."}, ""}, /* no file is looked up by it */
        {"/1/2/3/4/5/6/7/8", 8, {"1", "2", "3", "4", "5", "6", "7", "8"}, ""},
        {"/1/2/3/4/5/6/7/", 8, {"1", "2", "3", "4", "5", "6", "7", ""}, ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena;
        struct uri uri;
        arena_init(&arena);
        const char *fault = uri_split(&uri, cases[i].target, &arena);
        if (fault != NULL)
            fail_msg("%s: %s", cases[i].target, fault);
        if (uri.count != cases[i].count)
            fail_msg("%s: %d segments", cases[i].target, uri.count);
        for (int segment = 0; segment < uri.count; segment++)
            assert_string_equal(uri.segments[segment], cases[i].segments[segment]);
        assert_string_equal(uri.query, cases[i].query);
        arena_free(&arena);
    }
}

static void longer_paths_say_only_that(void **state)
{
    static const char *const targets[] = {"/1/2/3/4/5/6/7/8/9", "/1/2/3/4/5/6/7/8/",
                                          "/1/2/3/4/5/6/7/8/9/10/%zz", "//////////////////"};
    (void)state;
    for (size_t i = 0; i < COUNT(targets); i++) {
        struct arena arena;
        struct uri uri;
        arena_init(&arena);
        assert_null(uri_split(&uri, targets[i], &arena));
        assert_int_equal(uri.count, URI_SEGMENTS + 1);
        arena_free(&arena);
    }
}

static void broken_targets_get_a_sentence(void **state)
{
    static const char hex[] = "The path has a % that two hexadecimal digits do not follow.";
    static const char utf8[] = "The path is not UTF-8.";
    static const char path[] = "The request target is not a path.";
    static const struct {
        const char *target, *fault;
    } cases[] = {
        {"", path},
        {"*", path},
        {"hello", path},
        {"?a", path},
        {"http://example.org/", path},
        {"/%", hex},
        {"/%4", hex},
        {"/%4g", hex},
        {"/%g4", hex},
        {"/%%41", hex},
        {"/% 1", hex},
        {"/a%/b", hex},
        {"/a%4/1", hex},
        {"/a%4?1", hex},
        {"/a/%00", "The path has a %00."},
        {"/%ff", utf8},
        {"/\xff", utf8},
        {"/%C3", utf8},
        {"/%C3/%A9", utf8}, /* split first, then decoded */
        {"/%C0%AF", utf8},  /* a '/' the long way */
        {"/%ED%A0%80", utf8},
        {"/%F4%90%80%80", utf8},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena arena;
        struct uri uri;
        arena_init(&arena);
        const char *fault = uri_split(&uri, cases[i].target, &arena);
        if (fault == NULL)
            fail_msg("%s was taken", cases[i].target);
        assert_string_equal(fault, cases[i].fault);
        arena_free(&arena);
    }
}

static void without_memory_it_says_so(void **state)
{
    struct arena arena;
    struct uri uri;
    (void)state;
    arena_init(&arena);
    inject_at(NULL, 1, ENOMEM);
    const char *fault = uri_split(&uri, "/hello", &arena);
    assert_int_equal(inject_off(), 1);
    assert_ptr_equal(fault, uri_out_of_memory);
    arena_free(&arena);
}

static void encoding_leaves_the_unreserved(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out);
    uri_encode(&out, "AZaz09-._~@+");
    assert_buffer(&out, "AZaz09-._~@+");
    buffer_clear(&out);
    uri_encode(&out, " %/?#\"\r\n\x7f\u00e9");
    assert_buffer(&out, "%20%25%2F%3F%23%22%0D%0A%7F%C3%A9");
    buffer_free(&out);
}

static void what_is_encoded_decodes_to_itself(void **state)
{
    (void)state;
    for (unsigned first = 1; first < 0x2000; first += 7) {
        char text[16] = {0};
        struct buffer out;
        struct arena arena;
        struct uri uri;
        /* Characters of one to three bytes, with a letter on both sides. */
        if (first < 0x80)
            text[1] = (char)first;
        else if (first < 0x800)
            memcpy(text + 1, (char[]){(char)(0xc0 | first >> 6), (char)(0x80 | (first & 0x3f))}, 2);
        else
            memcpy(text + 1,
                   (char[]){(char)(0xe0 | first >> 12), (char)(0x80 | (first >> 6 & 0x3f)),
                            (char)(0x80 | (first & 0x3f))},
                   3);
        text[0] = 'a';
        strcat(text, "z");
        buffer_init(&out);
        arena_init(&arena);
        buffer_string(&out, "/");
        uri_encode(&out, text);
        buffer_append(&out, "", 1);
        assert_null(uri_split(&uri, out.bytes, &arena));
        assert_int_equal(uri.count, 1);
        assert_string_equal(uri.segments[0], text);
        arena_free(&arena);
        buffer_free(&out);
    }
}

static void encoding_without_memory_marks_the_buffer(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out);
    inject_from(NULL, 1, ENOMEM);
    uri_encode(&out, "a b");
    inject_off();
    assert_true(out.failed);
    buffer_free(&out);
}

/* ---- parameters ---- */

/* They as "name=value;", or "name: fault;". */
static const char *show_parameters(const char *query)
{
    static char shown[2000];
    struct uri_parameter parameters[URI_PARAMETERS];
    struct arena arena;
    size_t length = 0;
    arena_init(&arena);
    int count = uri_parameters(parameters, query, &arena);
    shown[0] = '\0';
    for (int i = 0; i < count; i++)
        length += (size_t)snprintf(shown + length, sizeof shown - length, "%s%s%s;", parameters[i].name,
                                   parameters[i].fault != NULL ? ": " : "=",
                                   parameters[i].fault != NULL ? parameters[i].fault : parameters[i].value);
    arena_free(&arena);
    return shown;
}

static void parameters_are_split_and_decoded(void **state)
{
    static const struct {
        const char *query, *shown;
    } cases[] = {
        {"", ""},
        {"&", ""},
        {"&&a=b&&", "a=b;"},
        {"a=b", "a=b;"},
        {"a", "a=;"},
        {"a=", "a=;"},
        {"=a", "=a;"},
        {"=", "=;"},
        {"a=b=c", "a=b=c;"},
        {"a=1&a=2&b=3", "a=1;a=2;b=3;"},
        {"a+b=c+d", "a b=c d;"},
        {"a%2Bb=c%2bd", "a+b=c+d;"},
        {"a%26b=%3D", "a&b==;"},
        {"a=%2525", "a=%25;"}, /* once, not twice */
        {"%C3%A9=\xc3\xa9", "\u00e9=\u00e9;"},
        {"a=b?c/d;e", "a=b?c/d;e;"},
        {"order=-age,name&sex=in.(male,%22a%22)", "order=-age,name;sex=in.(male,\"a\");"},
        {"a=%", "a: has a % that two hexadecimal digits do not follow;"},
        {"a=%4", "a: has a % that two hexadecimal digits do not follow;"},
        {"a=%4&1=b", "a: has a % that two hexadecimal digits do not follow;1=b;"},
        {"a=%zz&b=1", "a: has a % that two hexadecimal digits do not follow;b=1;"},
        {"a=%00", "a: has a %00;"},
        {"a=%ff", "a: is not UTF-8;"},
        {"a=%ED%A0%80", "a: is not UTF-8;"},
        {"%zz=1", "%zz: has a % that two hexadecimal digits do not follow;"},
        {"a%00b=1", "a%00b: has a %00;"},
        {"\xff%zz=1", "%FF%zz: has a % that two hexadecimal digits do not follow;"},
        {"\xe9", "%E9: is not UTF-8;"},
    };
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++)
        if (strcmp(show_parameters(cases[i].query), cases[i].shown) != 0)
            fail_msg("%s: %s", cases[i].query, show_parameters(cases[i].query));
}

static void there_may_be_so_many_parameters(void **state)
{
    char query[4 * URI_PARAMETERS + 8] = "";
    struct uri_parameter parameters[URI_PARAMETERS];
    struct arena arena;
    (void)state;
    arena_init(&arena);
    for (int i = 0; i < URI_PARAMETERS; i++)
        strcat(query, "a=b&");
    assert_int_equal(uri_parameters(parameters, query, &arena), URI_PARAMETERS);
    assert_string_equal(parameters[URI_PARAMETERS - 1].value, "b");
    strcat(query, "a");
    assert_int_equal(uri_parameters(parameters, query, &arena), URI_PARAMETERS + 1);
    arena_free(&arena);
}

static void parameters_without_memory_say_so(void **state)
{
    struct uri_parameter parameters[URI_PARAMETERS];
    (void)state;
    for (int n = 1;; n++) {
        struct arena arena;
        arena_init(&arena);
        inject_at(NULL, n, ENOMEM);
        int count = uri_parameters(parameters, "a=1&b=2&%zz=3", &arena), failures = inject_off();
        assert_int_equal(count, failures > 0 ? -1 : 3);
        arena_free(&arena);
        if (failures == 0)
            return;
    }
}

static void a_parameter_that_is_encoded_decodes_to_itself(void **state)
{
    (void)state;
    for (int byte = 1; byte < 0x80; byte++) {
        const char text[] = {'a', (char)byte, 'z', '\0'};
        struct uri_parameter parameters[URI_PARAMETERS];
        struct buffer out;
        struct arena arena;
        buffer_init(&out);
        arena_init(&arena);
        uri_encode_parameter(&out, text);
        buffer_string(&out, "=");
        uri_encode_parameter(&out, text);
        buffer_append(&out, "", 1);
        assert_int_equal(uri_parameters(parameters, out.bytes, &arena), 1);
        assert_null(parameters[0].fault);
        assert_string_equal(parameters[0].name, text);
        assert_string_equal(parameters[0].value, text);
        arena_free(&arena);
        buffer_free(&out);
    }
}

static void what_queries_have_stays_readable(void **state)
{
    struct buffer out;
    (void)state;
    buffer_init(&out);
    uri_encode_parameter(&out, "in.(a,b) -age:*@");
    assert_buffer(&out, "in.(a,b)%20-age:*@");
    buffer_clear(&out);
    uri_encode_parameter(&out, "a+b&c=d>\"\u00e9");
    assert_buffer(&out, "a%2Bb%26c%3Dd%3E%22%C3%A9");
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_are_split_and_decoded),
        cmocka_unit_test(longer_paths_say_only_that),
        cmocka_unit_test(broken_targets_get_a_sentence),
        cmocka_unit_test(without_memory_it_says_so),
        cmocka_unit_test(encoding_leaves_the_unreserved),
        cmocka_unit_test(what_is_encoded_decodes_to_itself),
        cmocka_unit_test(encoding_without_memory_marks_the_buffer),
        cmocka_unit_test(parameters_are_split_and_decoded),
        cmocka_unit_test(there_may_be_so_many_parameters),
        cmocka_unit_test(parameters_without_memory_say_so),
        cmocka_unit_test(a_parameter_that_is_encoded_decodes_to_itself),
        cmocka_unit_test(what_queries_have_stays_readable),
    };
    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
