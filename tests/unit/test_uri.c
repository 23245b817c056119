// wrap: malloc calloc realloc
#include "uri.h"

#include "inject.h"
#include "unit.h"

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
    };
    return cmocka_run_group_tests_name("uri", tests, NULL, NULL);
}
