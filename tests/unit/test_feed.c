// wrap: memfd_create mmap ftruncate pwrite lseek
#include "feed.h"

#include "inject.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

INJECT_INT(int, memfd_create, (const char *name, unsigned flags), (name, flags))
INJECT_INT(int, ftruncate, (int fd, off_t length), (fd, length))
INJECT_INT(ssize_t, pwrite, (int fd, const void *bytes, size_t length, off_t at), (fd, bytes, length, at))
INJECT_INT(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence))

void *__real_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset);
void *__wrap_mmap(void *at, size_t length, int protection, int flags, int fd, off_t offset)
{
    return inject_fails("mmap") ? MAP_FAILED : __real_mmap(at, length, protection, flags, fd, offset);
}

#define LONG_BYTES (3 * FEED_BYTES + 17)

static struct feed feed;
static uint8_t bytes[LONG_BYTES];

static int open_feed(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7 + i / 1000);
    return feed_open(&feed);
}

static int close_feed(void **state)
{
    (void)state;
    inject_off();
    feed_close(&feed);
    return 0;
}

static void assert_put(size_t from, size_t length)
{
    static uint8_t got[LONG_BYTES];
    assert_int_equal(feed_put(&feed, bytes + from, length), 0);
    for (size_t at = 0; at < length;) {
        ssize_t more = read(feed.fd, got + at, length - at);
        assert_true(more > 0);
        at += (size_t)more;
    }
    assert_memory_equal(got, bytes + from, length);
    assert_int_equal(feed_trim(&feed, length), 0);
}

static void what_is_put_is_read(void **state)
{
    static const size_t lengths[] = {1, 500, FEED_BYTES - 1, FEED_BYTES, FEED_BYTES + 1, LONG_BYTES, 3};
    (void)state;
    for (size_t i = 0; i < COUNT(lengths); i++)
        for (size_t again = 0; again < COUNT(lengths); again++) {
            assert_put(0, lengths[i]);
            assert_put(LONG_BYTES - lengths[again], lengths[again]);
        }
}

static void the_memory_of_a_long_one_is_given_back(void **state)
{
    (void)state;
    assert_put(0, LONG_BYTES);
    assert_int_equal(lseek(feed.fd, 0, SEEK_END), FEED_BYTES);
}

static void a_put_can_fail(void **state)
{
    static const char *const calls[] = {"pwrite", "lseek"};
    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++) {
        inject_at(calls[i], 1, ENOSPC);
        assert_int_equal(feed_put(&feed, bytes, LONG_BYTES), -1);
        assert_int_equal(inject_off(), 1);
        assert_put(1, LONG_BYTES - 1);
    }
    inject_at("ftruncate", 1, EIO);
    assert_int_equal(feed_trim(&feed, LONG_BYTES), -1);
    assert_int_equal(feed_trim(&feed, FEED_BYTES), 0);
    assert_int_equal(inject_off(), 1);
}

static void one_that_can_not_be_opened_leaves_nothing_open(void **state)
{
    static const char *const calls[] = {"memfd_create", "ftruncate", "mmap"};
    struct feed other;
    (void)state;
    int next = dup(0);
    close(next);
    for (size_t i = 0; i < COUNT(calls); i++) {
        inject_at(calls[i], 1, EMFILE);
        assert_int_equal(feed_open(&other), -1);
        assert_int_equal(inject_off(), 1);
        assert_true(other.fd < 0);
        feed_close(&other);
        int now = dup(0);
        close(now);
        assert_int_equal(now, next);
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, open_feed, close_feed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(what_is_put_is_read),
        EACH(the_memory_of_a_long_one_is_given_back),
        EACH(a_put_can_fail),
        EACH(one_that_can_not_be_opened_leaves_nothing_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
