// wrap: poll __poll_chk write clock_gettime
#include "log.h"

#include "inject.h"
#include "unit.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

INJECT_INT(int, poll, (struct pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))

/* What a fortified build may call instead. */
int __real___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size);
int __wrap___poll_chk(struct pollfd *fds, nfds_t count, int timeout, size_t size)
{
    return inject_fails("poll") ? -1 : __real___poll_chk(fds, count, timeout, size);
}

/* How many bytes the next write takes; -1: all. */
static ssize_t write_only = -1;

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
    ssize_t only = write_only;

    write_only = -1;
    if (inject_fails("write"))
        return -1;
    return __real_write(fd, bytes, only >= 0 ? (size_t)only : length);
}

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME)
        return __real_clock_gettime(clock, now);
    *now = (struct timespec){.tv_sec = 1747779766, .tv_nsec = 43999999};
    return 0;
}

/* Standard output is a pipe between open_pipe and close_pipe: cmocka must not speak in between. */
static int reading, kept_stdout;

static void open_pipe(void)
{
    int ends[2];

    fflush(stdout);
    kept_stdout = dup(STDOUT_FILENO);
    if (pipe(ends) != 0 || dup2(ends[1], STDOUT_FILENO) < 0)
        abort();
    close(ends[1]);
    reading = ends[0];
}

/* What was written, NUL-terminated. */
static const char *close_pipe(void)
{
    static char text[1 << 17];
    size_t length = 0;
    ssize_t got;

    dup2(kept_stdout, STDOUT_FILENO);
    close(kept_stdout);
    while ((got = read(reading, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    close(reading);
    text[length] = '\0';
    return text;
}

/* The one line that was written, as json-c reads it; each test gives it back. */
static struct json_object *close_pipe_with_line(void)
{
    const char *line = close_pipe();
    struct json_object *object = json_tokener_parse(line);

    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_non_null(object);
    return object;
}

static const char *get(struct json_object *object, const char *key)
{
    return json_object_get_string(json_object_object_get(object, key));
}

static void line_has_the_common_keys_first(void **state)
{
    char expected[200];

    (void)state;
    open_pipe();
    log_line(LOG_LEVEL_WARN, "The database is away", "host", "db.example", "cause", NULL, "tries", "3",
             LOG_END);
    snprintf(expected, sizeof(expected),
             "{\"ts\":\"2025-05-20T22:22:46.043Z\",\"level\":\"warn\",\"program\":\"purser\",\"pid\":%ld,"
             "\"msg\":\"The database is away\",\"host\":\"db.example\",\"tries\":\"3\"}\n",
             (long)getpid());
    assert_string_equal(close_pipe(), expected);
}

static void lines_below_the_level_are_not_written(void **state)
{
    const char *text;

    (void)state;
    open_pipe();
    log_line(LOG_LEVEL_DEBUG, "not by default", LOG_END);
    log_set_level(LOG_LEVEL_ERROR);
    log_line(LOG_LEVEL_WARN, "not now", LOG_END);
    log_line(LOG_LEVEL_ERROR, "this", LOG_END);
    log_set_level(LOG_LEVEL_DEBUG);
    log_line(LOG_LEVEL_DEBUG, "and this", LOG_END);
    log_set_level(LOG_LEVEL_INFO);
    text = close_pipe();
    assert_null(strstr(text, "not "));
    assert_non_null(strstr(text, "\"level\":\"error\",\"program\":\"purser\""));
    assert_non_null(strstr(text, "\"level\":\"debug\""));
}

static void levels_have_names(void **state)
{
    (void)state;
    assert_int_equal(log_level_named("debug"), LOG_LEVEL_DEBUG);
    assert_int_equal(log_level_named("info"), LOG_LEVEL_INFO);
    assert_int_equal(log_level_named("warn"), LOG_LEVEL_WARN);
    assert_int_equal(log_level_named("error"), LOG_LEVEL_ERROR);
    assert_int_equal(log_level_named("Error"), -1);
    assert_int_equal(log_level_named(""), -1);
    assert_string_equal(log_level_name(LOG_LEVEL_WARN), "warn");
}

static void what_a_client_sent_cannot_forge_a_line(void **state)
{
    static const char nasty[] = "a\"b\\c\nd\re\tf\x01g\x7fh\",\"level\":\"x";
    struct json_object *line;

    (void)state;
    open_pipe();
    log_line(LOG_LEVEL_INFO, nasty, "path", nasty, LOG_END);
    line = close_pipe_with_line();
    assert_string_equal(get(line, "msg"), nasty);
    assert_string_equal(get(line, "path"), nasty);
    assert_string_equal(get(line, "level"), "info");
    json_object_put(line);
}

static void bytes_that_are_no_utf8_become_replacement_characters(void **state)
{
    static const struct {
        const char *sent, *logged;
    } cases[] = {
        {"\xff", "\uFFFD"},
        {"a\xc3", "a\uFFFD"},
        {"\xc0\xaf/", "\uFFFD\uFFFD/"},
        {"\xe2\x82", "\uFFFD\uFFFD"},
        {"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
        {"\xc3\xa9", "\u00e9"},
        {"\xf0\x9f\x98\x80", "\U0001F600"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct json_object *line;

        open_pipe();
        log_line(LOG_LEVEL_INFO, "x", "path", cases[i].sent, LOG_END);
        line = close_pipe_with_line();
        assert_string_equal(get(line, "path"), cases[i].logged);
        json_object_put(line);
    }
}

/* `length` letters, until the next call. */
static const char *letters(size_t length)
{
    static char text[10001];

    memset(text, 'x', sizeof(text) - 1);
    text[length] = '\0';
    return text;
}

static void line_that_is_too_long_is_cut_at_a_pair(void **state)
{
    struct json_object *line;

    (void)state;
    open_pipe();
    log_line(LOG_LEVEL_INFO, "x", "first", "1", "second", letters(5000), "third", "3", LOG_END);
    line = close_pipe_with_line();
    assert_string_equal(get(line, "first"), "1");
    assert_null(get(line, "second"));
    assert_null(get(line, "third"));
    assert_string_equal(get(line, "cut"), "true");
    json_object_put(line);
}

static void no_line_is_longer_than_4000_bytes(void **state)
{
    (void)state;
    for (size_t length = 3700; length < 4000; length++) {
        struct json_object *line;
        size_t written;

        open_pipe();
        log_line(LOG_LEVEL_INFO, "x", "key", letters(length), LOG_END);
        line = json_tokener_parse(close_pipe());
        assert_non_null(line);
        written = strlen(json_object_to_json_string_ext(line, JSON_C_TO_STRING_PLAIN)) + 1;
        assert_in_range(written, 80, 4000);
        assert_true((get(line, "key") != NULL) != (get(line, "cut") != NULL));
        json_object_put(line);
    }
}

static void long_message_leaves_room_for_pairs(void **state)
{
    struct json_object *line;
    char value[1900] = "";

    (void)state;
    memset(value, 'y', sizeof(value) - 1);
    open_pipe();
    log_line(LOG_LEVEL_INFO, letters(9000), "key", value, LOG_END);
    line = close_pipe_with_line();
    assert_in_range(strlen(get(line, "msg")), 1800, 2000);
    assert_non_null(get(line, "key"));
    json_object_put(line);
}

static void message_is_cut_between_characters(void **state)
{
    char message[6001] = "";

    (void)state;
    for (int before = 0; before < 4; before++) {
        struct json_object *line;
        const char *logged;

        memset(message, 'x', (size_t)before);
        for (int i = 0; i < 1000; i++)
            memcpy(message + before + 4 * i, "\xf0\x9f\x98\x80", 5);
        open_pipe();
        log_line(LOG_LEVEL_INFO, message, LOG_END);
        line = close_pipe_with_line();
        logged = get(line, "msg");
        assert_int_equal((strlen(logged) - (size_t)before) % 4, 0);
        assert_memory_equal(logged, message, strlen(logged));
        json_object_put(line);
    }
}

static void line_is_dropped_when_standard_output_is_full_and_counted(void **state)
{
    char page[4096] = "";
    struct json_object *line;
    const char *text;

    (void)state;
    open_pipe();
    fcntl(STDOUT_FILENO, F_SETFL, O_NONBLOCK);
    while (__real_write(STDOUT_FILENO, page, sizeof(page)) > 0)
        ;
    fcntl(STDOUT_FILENO, F_SETFL, 0); /* a write would block from now on */
    log_line(LOG_LEVEL_INFO, "lost", LOG_END);
    log_line(LOG_LEVEL_INFO, "lost too", LOG_END);
    for (int i = 0; i < 16; i++)
        if (read(reading, page, sizeof(page)) < 0)
            abort();
    log_line(LOG_LEVEL_INFO, "kept", "key", "value", LOG_END);
    log_line(LOG_LEVEL_INFO, "as ever", LOG_END);
    close_pipe(); /* the rest of the zeros comes first */
    open_pipe();
    log_line(LOG_LEVEL_INFO, "x", LOG_END);
    line = close_pipe_with_line();
    assert_null(get(line, "dropped")); /* it was said once */
    json_object_put(line);

    open_pipe();
    inject_from("write", 1, EAGAIN);
    log_line(LOG_LEVEL_INFO, "lost", LOG_END);
    inject_at("poll", 1, EINTR);
    log_line(LOG_LEVEL_INFO, "lost", LOG_END);
    inject_off();
    log_line(LOG_LEVEL_INFO, "kept", "key", "value", LOG_END);
    text = close_pipe();
    assert_non_null(strstr(text, "\"msg\":\"kept\",\"dropped\":2,\"key\":\"value\"}\n"));
    assert_null(strstr(text, "lost"));
}

static void line_is_dropped_when_nobody_reads_any_more(void **state)
{
    struct json_object *line;
    int ends[2], kept;

    (void)state;
    fflush(stdout);
    kept = dup(STDOUT_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDOUT_FILENO);
    close(ends[1]);
    close(ends[0]);
    log_line(LOG_LEVEL_INFO, "SIGPIPE would end this test", LOG_END);
    close(STDOUT_FILENO);
    log_line(LOG_LEVEL_INFO, "no standard output at all", LOG_END);
    dup2(kept, STDOUT_FILENO);
    close(kept);
    open_pipe();
    log_line(LOG_LEVEL_INFO, "x", LOG_END);
    line = close_pipe_with_line();
    assert_string_equal(get(line, "dropped"), "2");
    json_object_put(line);
}

static void line_after_a_torn_one_begins_afresh(void **state)
{
    const char *text;

    (void)state;
    open_pipe();
    write_only = 10;
    log_line(LOG_LEVEL_INFO, "torn", LOG_END);
    log_line(LOG_LEVEL_INFO, "whole", LOG_END);
    log_line(LOG_LEVEL_INFO, "whole again", LOG_END);
    text = close_pipe();
    assert_memory_equal(text, "{\"ts\":\"202\n{\"ts\":\"2025-", 23);
    assert_non_null(strstr(text, "\"msg\":\"whole\",\"dropped\":1}\n{"));
    assert_non_null(strstr(text, "\"msg\":\"whole again\"}\n"));
}

static void errno_is_left_alone(void **state)
{
    (void)state;
    open_pipe();
    inject_at("write", 1, ENOSPC);
    errno = EDOM;
    log_line(LOG_LEVEL_INFO, "x", LOG_END);
    assert_int_equal(errno, EDOM);
    inject_off();
    log_line(LOG_LEVEL_INFO, "x", LOG_END);
    close_pipe();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(line_has_the_common_keys_first),
        cmocka_unit_test(lines_below_the_level_are_not_written),
        cmocka_unit_test(levels_have_names),
        cmocka_unit_test(what_a_client_sent_cannot_forge_a_line),
        cmocka_unit_test(bytes_that_are_no_utf8_become_replacement_characters),
        cmocka_unit_test(line_that_is_too_long_is_cut_at_a_pair),
        cmocka_unit_test(no_line_is_longer_than_4000_bytes),
        cmocka_unit_test(long_message_leaves_room_for_pairs),
        cmocka_unit_test(message_is_cut_between_characters),
        cmocka_unit_test(line_is_dropped_when_standard_output_is_full_and_counted),
        cmocka_unit_test(line_is_dropped_when_nobody_reads_any_more),
        cmocka_unit_test(line_after_a_torn_one_begins_afresh),
        cmocka_unit_test(errno_is_left_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
