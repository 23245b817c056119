// wrap: malloc calloc realloc
#include "arena.h"
#include "buffer.h"

#include "inject.h"
#include "unit.h"

#include <wchar.h>

INJECT_MEMORY

/* ---- buffer ---- */

static void buffer_that_is_new_has_no_memory(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer);
    assert_null(buffer.bytes);
    assert_int_equal(buffer.length, 0);
    assert_int_equal(buffer.capacity, 0);
    assert_false(buffer.failed);
    buffer_free(&buffer);
}

static void buffer_appends_in_order(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer);
    buffer_append(&buffer, "a\0b", 3);
    buffer_append(&buffer, NULL, 0);
    buffer_string(&buffer, "cd");
    buffer_format(&buffer, "-%d-%s", 7, "e");
    assert_int_equal(buffer.length, 9);
    assert_memory_equal(buffer.bytes, "a\0bcd-7-e", 9);
    buffer_free(&buffer);
    assert_null(buffer.bytes);
}

static void buffer_grows_and_keeps_what_it_has(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer);
    for (int i = 0; i < 100000; i++)
        buffer_append(&buffer, &(char){(char)('a' + i % 26)}, 1);
    assert_false(buffer.failed);
    assert_int_equal(buffer.length, 100000);
    for (int i = 0; i < 100000; i++)
        assert_int_equal(buffer.bytes[i], 'a' + i % 26);
    buffer_free(&buffer);
}

static void buffer_grows_by_doubling(void **state)
{
    struct buffer buffer;

    (void)state;
    inject_at("realloc", 0, 0);
    buffer_init(&buffer);
    for (int i = 0; i < 1 << 20; i++)
        buffer_append(&buffer, "x", 1);
    assert_in_range(inject.calls, 1, 11); /* 1 KiB to 1 MiB */
    buffer_free(&buffer);
}

static void buffer_clear_keeps_the_memory(void **state)
{
    struct buffer buffer;
    char *bytes;

    (void)state;
    buffer_init(&buffer);
    buffer_string(&buffer, "first");
    bytes = buffer.bytes;
    buffer_clear(&buffer);
    assert_int_equal(buffer.length, 0);
    buffer_string(&buffer, "second");
    assert_ptr_equal(buffer.bytes, bytes);
    assert_buffer(&buffer, "second");
    buffer_free(&buffer);
}

static void buffer_reserves_exactly_where_it_writes(void **state)
{
    struct buffer buffer;
    char *to;

    (void)state;
    buffer_init(&buffer);
    buffer_string(&buffer, "ab");
    to = buffer_reserve(&buffer, 5000);
    assert_non_null(to);
    assert_ptr_equal(to, buffer.bytes + 2);
    assert_true(buffer.capacity >= 5002);
    memset(to, 'x', 5000);
    assert_int_equal(buffer.length, 2);
    buffer_free(&buffer);
}

static void buffer_reserves_nothing_for_nothing(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer);
    assert_non_null(buffer_reserve(&buffer, 0));
    buffer_free(&buffer);
}

static void buffer_remembers_failure_until_it_is_cleared(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer);
    inject_at("realloc", 1, ENOMEM);
    buffer_string(&buffer, "lost");
    assert_true(buffer.failed);
    assert_int_equal(inject_off(), 1);
    buffer_append(&buffer, "more", 4);
    buffer_format(&buffer, "%s", "more");
    assert_null(buffer_reserve(&buffer, 1));
    assert_true(buffer.failed);
    assert_int_equal(buffer.length, 0);
    buffer_clear(&buffer);
    buffer_string(&buffer, "again");
    assert_buffer(&buffer, "again");
    buffer_free(&buffer);
}

static void buffer_that_fails_to_grow_still_has_its_memory(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer);
    buffer_string(&buffer, "kept");
    inject_at("realloc", 1, ENOMEM);
    assert_null(buffer_reserve(&buffer, 100000));
    inject_off();
    assert_true(buffer.failed);
    assert_null(buffer_reserve(&buffer, 1)); /* there is room, but part of the contents is missing */
    buffer_free(&buffer);
}

static void buffer_refuses_sizes_that_wrap_around(void **state)
{
    static const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 3, SIZE_MAX / 2 + 1, SIZE_MAX / 2};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct buffer buffer;

        buffer_init(&buffer);
        buffer_string(&buffer, "four");
        assert_null(buffer_reserve(&buffer, sizes[i]));
        assert_true(buffer.failed);
        buffer_free(&buffer);
    }
}

static void buffer_fails_when_the_format_does(void **state)
{
    struct buffer buffer;

    (void)state;
    buffer_init(&buffer);
    buffer_format(&buffer, "%lc", (wint_t)0xd800); /* no character in any locale */
    assert_true(buffer.failed);
    buffer_free(&buffer);
}

/* Lengths around the room that is there: the NUL of vsnprintf needs room too. */
static void buffer_formats_what_is_longer_than_its_room(void **state)
{
    (void)state;
    for (int before = 0; before < 1100; before += 50) {
        for (int width = 900; width < 1100; width++) {
            struct buffer buffer;

            buffer_init(&buffer);
            for (int i = 0; i < before; i++)
                buffer_append(&buffer, "x", 1);
            buffer_format(&buffer, "%*d", width, 7);
            assert_false(buffer.failed);
            assert_int_equal(buffer.length, before + width);
            assert_int_equal(buffer.bytes[buffer.length - 1], '7');
            buffer_free(&buffer);
        }
    }
}

static void buffer_fails_when_a_format_finds_no_room(void **state)
{
    (void)state;
    for (int n = 1; n <= 2; n++) {
        struct buffer buffer;

        buffer_init(&buffer);
        inject_at("realloc", n, ENOMEM);
        buffer_format(&buffer, "%*d", 5000, 7);
        assert_int_equal(inject_off(), 1);
        assert_true(buffer.failed);
        buffer_free(&buffer);
    }
}

/* ---- arena ---- */

static void arena_gives_pieces_apart_and_aligned(void **state)
{
    static const size_t sizes[] = {1, 0, 7, 8, 16, 17, 100, 1000, 1023, 1024, 4096, 5000, 100000, 3};
    char *pieces[COUNT(sizes) * 20];
    struct arena arena;

    (void)state;
    arena_init(&arena);
    for (size_t i = 0; i < COUNT(pieces); i++) {
        size_t size = sizes[i % COUNT(sizes)];

        pieces[i] = arena_alloc(&arena, size);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
        memset(pieces[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < COUNT(pieces); i++)
        for (size_t at = 0; at < sizes[i % COUNT(sizes)]; at++)
            assert_int_equal((unsigned char)pieces[i][at], i % 251);
    arena_free(&arena);
    assert_null(arena.newest);
}

static void arena_can_be_used_again_after_free(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    arena_free(&arena); /* with nothing in it */
    assert_non_null(arena_alloc(&arena, 10));
    arena_free(&arena);
    assert_non_null(arena_alloc(&arena, 10));
    arena_free(&arena);
}

static void arena_asks_seldom_for_memory(void **state)
{
    struct arena arena;
    int most = 5;

#if defined(__SANITIZE_ADDRESS__)
    most = 100;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    most = 100; /* each piece is its own there */
#endif
#endif
    (void)state;
    arena_init(&arena);
    inject_at("malloc", 0, 0);
    for (int i = 0; i < 100; i++)
        assert_non_null(arena_alloc(&arena, 100));
    assert_in_range(inject.calls, 1, most);
    arena_free(&arena);
}

static void arena_copies_with_a_nul(void **state)
{
    struct arena arena;
    char *copy;

    (void)state;
    arena_init(&arena);
    copy = arena_copy(&arena, "a\0bcd", 4);
    assert_memory_equal(copy, "a\0bc\0", 5);
    assert_string_equal(arena_copy(&arena, NULL, 0), "");
    arena_free(&arena);
}

static void arena_says_when_memory_runs_out(void **state)
{
    static const size_t sizes[] = {1, 2000, 500, 900, 900, 900, 900, 5000};

    (void)state;
    for (int n = 1;; n++) {
        struct arena arena;
        size_t given = 0;

        arena_init(&arena);
        inject_at("malloc", n, ENOMEM);
        for (size_t i = 0; i < COUNT(sizes); i++)
            given += arena_copy(&arena, "", 0) != NULL && arena_alloc(&arena, sizes[i]) != NULL;
        if (inject_off() == 0) {
            assert_int_equal(given, COUNT(sizes));
            arena_free(&arena);
            break;
        }
        assert_int_equal(given, COUNT(sizes) - 1);
        arena_free(&arena);
    }
}

static void arena_refuses_sizes_that_wrap_around(void **state)
{
    struct arena arena;

    (void)state;
    arena_init(&arena);
    assert_null(arena_alloc(&arena, SIZE_MAX));
    assert_null(arena_alloc(&arena, SIZE_MAX - 8));
    assert_null(arena_copy(&arena, "", SIZE_MAX));
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffer_that_is_new_has_no_memory),
        cmocka_unit_test(buffer_appends_in_order),
        cmocka_unit_test(buffer_grows_and_keeps_what_it_has),
        cmocka_unit_test(buffer_grows_by_doubling),
        cmocka_unit_test(buffer_clear_keeps_the_memory),
        cmocka_unit_test(buffer_reserves_exactly_where_it_writes),
        cmocka_unit_test(buffer_reserves_nothing_for_nothing),
        cmocka_unit_test(buffer_remembers_failure_until_it_is_cleared),
        cmocka_unit_test(buffer_that_fails_to_grow_still_has_its_memory),
        cmocka_unit_test(buffer_refuses_sizes_that_wrap_around),
        cmocka_unit_test(buffer_fails_when_the_format_does),
        cmocka_unit_test(buffer_formats_what_is_longer_than_its_room),
        cmocka_unit_test(buffer_fails_when_a_format_finds_no_room),
        cmocka_unit_test(arena_gives_pieces_apart_and_aligned),
        cmocka_unit_test(arena_can_be_used_again_after_free),
        cmocka_unit_test(arena_asks_seldom_for_memory),
        cmocka_unit_test(arena_copies_with_a_nul),
        cmocka_unit_test(arena_says_when_memory_runs_out),
        cmocka_unit_test(arena_refuses_sizes_that_wrap_around),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
