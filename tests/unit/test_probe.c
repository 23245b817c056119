// wrap: malloc socket connect getsockopt send recv poll
/* The probe's own failures: whatever goes wrong is a sentence and a failed check, never a good one. What
 * peers do to it is in tests/system/test_probe.py. */

#include "probe.h"

#include "inject.h"
#include "unit.h"

#include <arpa/inet.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

INJECT_POINTER(void *, malloc, (size_t size), (size))
INJECT_INT(int, socket, (int domain, int type, int protocol), (domain, type, protocol))
INJECT_INT(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size))
INJECT_INT(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),
           (fd, level, name, value, size))
INJECT_INT(ssize_t, send, (int fd, const void *bytes, size_t size, int flags), (fd, bytes, size, flags))
INJECT_INT(ssize_t, recv, (int fd, void *bytes, size_t size, int flags), (fd, bytes, size, flags))
INJECT_INT(int, poll, (struct pollfd * polled, nfds_t count, int timeout), (polled, count, timeout))

static const char *const calls[] = {"socket", "connect", "getsockopt", "send", "recv", "poll"};

static int port;
static pid_t server;

#define GOOD "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define BAD  "HTTP/1.1 503 No\r\n\r\n{\"detail\":\"The database\\nis away.\"}"

/* A peer in a process of its own: answers "GET /good" and everything else, one connection after the other. */
static void serve(int listener)
{
    for (;;) {
        char bytes[2000] = "";
        int fd = accept(listener, NULL, NULL);
        if (fd < 0 || read(fd, bytes, sizeof bytes - 1) < 0)
            _exit(1);
        const char *answer = strncmp(bytes, "GET /good HTTP/1.1\r\n", 20) == 0 ? GOOD : BAD;
        if (write(fd, answer, strlen(answer)) < 0)
            _exit(1);
        close(fd);
    }
}

static int open_server(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {.s_addr = htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof address;
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, 100) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &size) != 0)
        return -1;
    port = ntohs(address.sin_port);
    server = fork();
    if (server == 0) {
        alarm(60); /* it never outlives the test for long */
        serve(listener);
    }
    close(listener);
    return server > 0 ? 0 : -1;
}

static int close_server(void **state)
{
    (void)state;
    kill(server, SIGKILL);
    return waitpid(server, NULL, 0) == server ? 0 : -1;
}

static void a_good_answer(void **state)
{
    (void)state;
    char fault[256];
    assert_int_equal(probe_ask(port, "/good", 5000, fault), 0);
}

static void a_problem_is_one_line(void **state)
{
    (void)state;
    char fault[256];
    assert_int_equal(probe_ask(port, "/bad", 5000, fault), -1);
    assert_string_equal(fault, "/bad has the status 503: The database?is away.");
}

static void every_call_that_fails_is_a_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(calls); i++)
        for (int n = 1;; n++) {
            char fault[256] = "";
            inject_at(calls[i], n, EIO);
            int result = probe_ask(port, "/good", 5000, fault);
            if (inject_off() == 0) {
                assert_int_equal(result, 0);
                break;
            }
            assert_int_equal(result, -1);
            assert_non_null(strstr(fault, "can't be asked for /good: Input/output error"));
        }
}

static void an_interrupted_call_is_made_again(void **state)
{
    (void)state;
    static const char *const interrupted[] = {"send", "recv", "poll"};
    for (size_t i = 0; i < COUNT(interrupted); i++) {
        char fault[256];
        inject_at(interrupted[i], 1, EINTR);
        assert_int_equal(probe_ask(port, "/good", 5000, fault), 0);
        assert_int_equal(inject_off(), 1);
    }
}

static void a_full_socket_is_waited_for(void **state)
{
    (void)state;
    char fault[256];
    inject_at("send", 1, EAGAIN);
    assert_int_equal(probe_ask(port, "/good", 5000, fault), 0);
    assert_int_equal(inject_off(), 1);
}

static void without_memory_the_status_is_said_all_the_same(void **state)
{
    (void)state;
    char fault[256];
    inject_from("malloc", 1, ENOMEM);
    int result = probe_ask(port, "/bad", 5000, fault);
    inject_off();
    assert_int_equal(result, -1);
    assert_non_null(strstr(fault, "/bad has the status 503"));
}

static void paths(void **state)
{
    (void)state;
    static const char *const good[] = {"/", "/readyz", "/getpassenger/0?x=%20~"};
    static const char *const bad[] = {"",          "readyz",           "/a b", "/a\r\nHost: x",
                                      "/\xc3\xbc", "http://127.0.0.1/"};
    char long_path[1100];
    memset(long_path, '/', sizeof long_path);
    long_path[sizeof long_path - 1] = '\0';
    for (size_t i = 0; i < COUNT(good); i++)
        assert_true(probe_path(good[i]));
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_false(probe_path(bad[i]));
    assert_false(probe_path(long_path));
    long_path[1000] = '\0';
    assert_true(probe_path(long_path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer),
        cmocka_unit_test(a_problem_is_one_line),
        cmocka_unit_test(every_call_that_fails_is_a_sentence),
        cmocka_unit_test(an_interrupted_call_is_made_again),
        cmocka_unit_test(a_full_socket_is_waited_for),
        cmocka_unit_test(without_memory_the_status_is_said_all_the_same),
        cmocka_unit_test(paths),
    };
    return cmocka_run_group_tests_name("probe", tests, open_server, close_server);
}
