// wrap: malloc
#include "hosts.h"

#include "inject.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

INJECT_POINTER(void *, malloc, (size_t size), (size))

static const char *const variables[] = {"DATABASE_URL", "PGHOST",      "PGHOSTADDR", "PGPORT",
                                        "PGSERVICE",    "DB_USERNAME", "DB_URL",     "DB_NAME"};

static int clear(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(variables); i++)
        unsetenv(variables[i]);
    return 0;
}

static struct arena arena;
static struct config_connection connection;

static int prepare(unsigned turn)
{
    char fault[CONFIG_FAULT_BYTES];
    arena_init(&arena);
    assert_int_equal(config_connection(&connection, &arena, fault), 0);
    return hosts_prepare(&connection, &arena, turn);
}

/* What is said last overrules what was said before. */
static const char *last(const char *keyword)
{
    const char *value = NULL;
    for (int i = 0; connection.keywords[i] != NULL; i++)
        if (strcmp(connection.keywords[i], keyword) == 0)
            value = connection.values[i];
    return value != NULL ? value : "-";
}

/* The hosts at a turn: "host hostaddr port", - for what isn't said beside the settings. */
static const char *order(unsigned turn)
{
    static char text[300];
    prepare(turn);
    snprintf(text, sizeof text, "%s %s %s", last("host"), last("hostaddr"), last("port"));
    arena_free(&arena);
    return text;
}

static int count(void)
{
    int hosts = prepare(0);
    arena_free(&arena);
    return hosts;
}

static void each_host_has_its_turn(void **state)
{
    (void)state;
    setenv("DATABASE_URL", "postgresql://a:1,b:2,c/d", 1);
    assert_int_equal(count(), 3);
    assert_string_equal(order(0), "- - -");
    assert_string_equal(order(1), "b,c,a - 2,,1");
    assert_string_equal(order(2), "c,a,b - ,1,2");
    assert_string_equal(order(3), "- - -");
    assert_string_equal(order(3000000001u), "b,c,a - 2,,1");
}

static void names_addresses_and_ports_stay_together(void **state)
{
    (void)state;
    setenv("DATABASE_URL", "host=a,b hostaddr=10.0.0.1,10.0.0.2 port=1,2", 1);
    assert_string_equal(order(1), "b,a 10.0.0.2,10.0.0.1 2,1");
    setenv("DATABASE_URL", "hostaddr=10.0.0.1,10.0.0.2", 1);
    assert_string_equal(order(1), "- 10.0.0.2,10.0.0.1 -");
}

static void one_port_is_every_hosts(void **state)
{
    (void)state;
    setenv("DATABASE_URL", "postgresql:///d?host=/run/a,/run/b&port=5433", 1);
    assert_string_equal(order(1), "/run/b,/run/a - -");
}

static void the_hosts_may_come_from_each_kind_of_settings(void **state)
{
    (void)state;
    setenv("PGHOST", "a,b", 1);
    setenv("PGPORT", "1,2", 1);
    assert_int_equal(count(), 2);
    assert_string_equal(order(1), "b,a - 2,1");
    setenv("DB_USERNAME", "worker", 1);
    setenv("DB_URL", "c:3,d:4", 1);
    setenv("DB_NAME", "purser", 1);
    assert_string_equal(order(1), "d,c - 4,3");
    setenv("DATABASE_URL", "dbname=d user=u", 1); /* says nothing of hosts */
    assert_string_equal(order(1), "b,a - 2,1");
}

static void a_single_host_stays(void **state)
{
    static const char *const urls[] = {"postgresql://a/d",
                                       "postgresql:///d",
                                       "host=a port=1,2",
                                       "postgresql://a,b/d?service=elsewhere",
                                       "postgresql://a,b/d?nonsense=1",
                                       "host='a,b"};
    (void)state;
    for (size_t i = 0; i < COUNT(urls); i++) {
        setenv("DATABASE_URL", urls[i], 1);
        assert_int_equal(count(), 1);
        assert_string_equal(order(1), "- - -");
    }
}

static void tcp_is_told_to_notice_unless_the_settings_say_how(void **state)
{
    (void)state;
    setenv("DATABASE_URL", "postgresql://a/d", 1);
    prepare(0);
    assert_string_equal(last("tcp_user_timeout"), "5000");
    assert_string_equal(last("keepalives_idle"), "10");
    int i = 0;
    while (strcmp(connection.keywords[i], "dbname") != 0) /* which overrules what comes before it */
        i++;
    assert_true(i >= 4);
    arena_free(&arena);
}

static void without_memory_the_order_stays(void **state)
{
    (void)state;
    setenv("DATABASE_URL", "postgresql://a:1,b:2/d", 1);
    for (int n = 1;; n++) {
        char fault[CONFIG_FAULT_BYTES];
        arena_init(&arena);
        assert_int_equal(config_connection(&connection, &arena, fault), 0);
        inject_at("malloc", n, ENOMEM);
        hosts_prepare(&connection, &arena, 1);
        bool failed = inject_off() > 0;
        if (failed)
            assert_string_equal(last("host"), "-");
        else
            assert_string_equal(last("host"), "b,a");
        arena_free(&arena);
        if (!failed)
            break;
    }
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, clear, clear)

int main(void)
{
    const struct CMUnitTest tests[] = {
        EACH(each_host_has_its_turn),
        EACH(names_addresses_and_ports_stay_together),
        EACH(one_port_is_every_hosts),
        EACH(the_hosts_may_come_from_each_kind_of_settings),
        EACH(a_single_host_stays),
        EACH(tcp_is_told_to_notice_unless_the_settings_say_how),
        EACH(without_memory_the_order_stays),
    };
    return cmocka_run_group_tests_name("hosts", tests, NULL, NULL);
}
