/* The settings: what is read, what stops the start, what `purser config` shows, and what it hides. */

#include "config.h"

#include "log.h"
#include "scratch.h"

/* The sentence with which the settings are refused. */
static const char *refused(void)
{
    static char fault[CONFIG_FAULT_BYTES];
    struct config config;
    fault[0] = '\0';
    assert_int_equal(config_read(&config, fault), -1);
    return fault;
}

static void accept_settings(struct config *config)
{
    char fault[CONFIG_FAULT_BYTES] = "";
    if (config_read(config, fault) != 0)
        fail_msg("refused: %s", fault);
}

static void test_defaults(void **state)
{
    (void)state;
    struct config config;
    accept_settings(&config);
    assert_int_equal(config.workers, config_processors());
    assert_int_equal(config.nginx_processes, config_processors());
    assert_int_equal(config.port, 8080);
    assert_int_equal(config.tls_port, 0);
    assert_string_equal(config.tls_dir, "/run/secrets/purser/tls");
    assert_int_equal(config.rate_limit, 0);
    assert_string_equal(config.trusted_proxies, "");
    assert_int_equal(config.max_body_bytes, 1048576);
    assert_int_equal(config.deadline_ms, 10000);
    assert_int_equal(config.drain_ms, 15000);
    assert_int_equal(config.readers, 1);
    assert_int_equal(config.writers, 3);
    assert_int_equal(config.log_level, LOG_LEVEL_INFO);
}

static void test_each_setting_is_read(void **state)
{
    (void)state;
    struct config config;
    setenv("PURSER_WORKERS", "1", 1);
    setenv("PURSER_NGINX_PROCESSES", "3", 1);
    setenv("PURSER_PORT", "65535", 1);
    setenv("PURSER_TLS_PORT", "8443", 1);
    setenv("PURSER_TLS_DIR", "/etc/tls-1/a_b.c", 1);
    setenv("PURSER_RATE_LIMIT", "20", 1);
    setenv("PURSER_TRUSTED_PROXIES", "10.0.0.0/8,fd00::/8", 1);
    setenv("PURSER_MAX_BODY_BYTES", "1024", 1);
    setenv("PURSER_DEADLINE_MS", "100", 1);
    setenv("PURSER_DRAIN_MS", "600000", 1);
    setenv("PURSER_DB_READERS", "64", 1);
    setenv("PURSER_DB_WRITERS", "3", 1);
    setenv("PURSER_LOG_LEVEL", "error", 1);
    accept_settings(&config);
    assert_int_equal(config.workers, 1);
    assert_int_equal(config.nginx_processes, 3);
    assert_int_equal(config.port, 65535);
    assert_int_equal(config.tls_port, 8443);
    assert_string_equal(config.tls_dir, "/etc/tls-1/a_b.c");
    assert_int_equal(config.rate_limit, 20);
    assert_string_equal(config.trusted_proxies, "10.0.0.0/8,fd00::/8");
    assert_int_equal(config.max_body_bytes, 1024);
    assert_int_equal(config.deadline_ms, 100);
    assert_int_equal(config.drain_ms, 600000);
    assert_int_equal(config.readers, 64);
    assert_int_equal(config.writers, 3);
    assert_int_equal(config.log_level, LOG_LEVEL_ERROR);
}

static void test_a_wrong_value_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *name, *value, *sentence;
    } cases[] = {
        {"PURSER_DEADLINE_MS", "abc",
         "PURSER_DEADLINE_MS is \"abc\": it must be a whole number from 100 to 600000"},
        {"PURSER_DEADLINE_MS", "99",
         "PURSER_DEADLINE_MS is \"99\": it must be a whole number from 100 to 600000"},
        {"PURSER_DEADLINE_MS", "600001",
         "PURSER_DEADLINE_MS is \"600001\": it must be a whole number from 100 to 600000"},
        {"PURSER_PORT", "", "PURSER_PORT is \"\": it must be a whole number from 1 to 65535"},
        {"PURSER_PORT", " 80", "PURSER_PORT is \" 80\": it must be a whole number from 1 to 65535"},
        {"PURSER_PORT", "-1", "PURSER_PORT is \"-1\": it must be a whole number from 1 to 65535"},
        {"PURSER_PORT", "+80", "PURSER_PORT is \"+80\": it must be a whole number from 1 to 65535"},
        {"PURSER_PORT", "0x50", "PURSER_PORT is \"0x50\": it must be a whole number from 1 to 65535"},
        {"PURSER_TLS_PORT", "65536",
         "PURSER_TLS_PORT is \"65536\": it must be a whole number from 0 to 65535"},
        {"PURSER_TLS_PORT", "8080", "PURSER_TLS_PORT is 8080, and so is PURSER_PORT: they must differ"},
        {"PURSER_RATE_LIMIT", "1000001",
         "PURSER_RATE_LIMIT is \"1000001\": it must be a whole number from 0 to 1000000"},
        {"PURSER_TRUSTED_PROXIES", "10.0.0.1; include /x",
         "PURSER_TRUSTED_PROXIES is \"10.0.0.1; include /x\": it must be addresses or networks like "
         "10.0.0.0/8, separated by commas"},
        {"PURSER_TLS_DIR", "",
         "PURSER_TLS_DIR is \"\": it must be an absolute path of letters, digits, \".\", \"_\" and \"-\""},
        {"PURSER_TLS_DIR", "tls",
         "PURSER_TLS_DIR is \"tls\": it must be an absolute path of letters, digits, \".\", \"_\" and \"-\""},
        {"PURSER_TLS_DIR", "/tls; load_module /x",
         "PURSER_TLS_DIR is \"/tls; load_module /x\": it must be an absolute path of letters, digits, \".\", "
         "\"_\" and \"-\""},
        {"PURSER_WORKERS", "0", "PURSER_WORKERS is \"0\": it must be a whole number from 1 to 256"},
        {"PURSER_WORKERS", "18446744073709551617",
         "PURSER_WORKERS is \"18446744073709551617\": it must be a whole number from 1 to 256"},
        {"PURSER_LOG_LEVEL", "INFO", "PURSER_LOG_LEVEL is \"INFO\": it must be debug, info, warn or error"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setenv(cases[i].name, cases[i].value, 1);
        assert_string_equal(refused(), cases[i].sentence);
        unsetenv(cases[i].name);
    }
}

static void test_a_long_value_is_cut_in_the_sentence(void **state)
{
    (void)state;
    char value[5000];
    memset(value, '9', sizeof value);
    value[sizeof value - 1] = '\0';
    setenv("PURSER_MAX_BODY_BYTES", value, 1);
    assert_non_null(strstr(refused(), "it must be a whole number from 1024 to 67108864"));
}

static void test_an_unknown_setting_is_named(void **state)
{
    (void)state;
    setenv("PURSER_WORKRES", "4", 1);
    assert_string_equal(
        refused(),
        "PURSER_WORKRES is not a setting; these are: PURSER_WORKERS PURSER_NGINX_PROCESSES PURSER_PORT "
        "PURSER_TLS_PORT PURSER_TLS_DIR PURSER_RATE_LIMIT PURSER_TRUSTED_PROXIES PURSER_MAX_BODY_BYTES "
        "PURSER_MAX_BULK_BYTES PURSER_MAX_WAITING PURSER_DEADLINE_MS "
        "PURSER_DRAIN_MS PURSER_DB_READERS PURSER_DB_SEARCHERS "
        "PURSER_DB_WRITERS PURSER_LOG_LEVEL");
    unsetenv("PURSER_WORKRES");
    setenv("PURSER_PORT_8080_TCP", "tcp://10.0.0.1:8080", 1);
    assert_non_null(strstr(refused(), "PURSER_PORT_8080_TCP is not a setting"));
}

static void test_the_port_alone(void **state)
{
    (void)state;
    char fault[CONFIG_FAULT_BYTES];
    int port;
    setenv("PURSER_WORKERS", "wrong", 1);
    setenv("DATABASE_URL_FILE", "/nowhere", 1);
    assert_int_equal(config_port(&port, fault), 0);
    assert_int_equal(port, 8080);
    setenv("PURSER_PORT", "81", 1);
    assert_int_equal(config_port(&port, fault), 0);
    assert_int_equal(port, 81);
    setenv("PURSER_PORT", "tcp://10.0.0.1:8080", 1);
    assert_int_equal(config_port(&port, fault), -1);
    assert_string_equal(fault,
                        "PURSER_PORT is \"tcp://10.0.0.1:8080\": it must be a whole number from 1 to 65535");
}

/* The connection as "keyword=value|…", without what is always there. */
static const char *connection(void)
{
    static char text[1024];
    char fault[CONFIG_FAULT_BYTES] = "";
    struct config_connection pairs;
    struct arena arena;
    arena_init(&arena);
    text[0] = '\0';
    if (config_connection(&pairs, &arena, fault) != 0)
        snprintf(text, sizeof text, "refused: %s", fault);
    else
        for (int i = 0; pairs.keywords[i] != NULL; i++) {
            size_t used = strlen(text);
            if (strcmp(pairs.keywords[i], "client_encoding") != 0 &&
                strcmp(pairs.keywords[i], "fallback_application_name") != 0)
                snprintf(text + used, sizeof text - used, "%s%s=%s", used > 0 ? "|" : "", pairs.keywords[i],
                         pairs.values[i]);
        }
    arena_free(&arena);
    return text;
}

static void set_parts(const char *url)
{
    setenv("DB_USERNAME", "purser_worker", 1);
    setenv("DB_PASSWORD", "secret", 1);
    setenv("DB_URL", url, 1);
    setenv("DB_NAME", "purser", 1);
}

static void test_libpq_reads_its_own_variables(void **state)
{
    (void)state;
    setenv("PGHOST", "db", 1);
    setenv("PGPASSWORD", "secret", 1);
    setenv("DATABASE_URL", "", 1);
    assert_string_equal(connection(), "password=secret");
}

static void test_encoding_and_name_are_always_asked_for(void **state)
{
    (void)state;
    char fault[CONFIG_FAULT_BYTES];
    struct config_connection pairs;
    struct arena arena;
    arena_init(&arena);
    assert_int_equal(config_connection(&pairs, &arena, fault), 0);
    assert_string_equal(pairs.keywords[0], "fallback_application_name");
    assert_string_equal(pairs.values[0], "purser");
    assert_string_equal(pairs.keywords[1], "client_encoding");
    assert_string_equal(pairs.values[1], "UTF8");
    assert_null(pairs.keywords[2]);
    arena_free(&arena);
}

static void test_the_url_comes_first(void **state)
{
    (void)state;
    set_parts("elsewhere");
    setenv("DATABASE_URL", "postgresql://u@h/d", 1);
    assert_string_equal(connection(), "dbname=postgresql://u@h/d");
    setenv("DATABASE_URL", "host=h dbname=d", 1);
    assert_string_equal(connection(), "dbname=host=h dbname=d");
    setenv("DATABASE_URL", "mysql://u:hunter2@h/d", 1);
    assert_string_equal(connection(),
                        "refused: DATABASE_URL is neither a postgresql:// URI nor a list of key=value");
}

static void test_the_parts(void **state)
{
    (void)state;
    static const struct {
        const char *url, *host, *port;
    } cases[] = {
        {"db", "db", ""},
        {"db:5433", "db", "5433"},
        {"[::1]:5433", "::1", "5433"},
        {"[::1]", "::1", ""},
        {"::1", "::1", ""},
        {"/run/postgresql", "/run/postgresql", ""},
        {"/run/a:b", "/run/a:b", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char expected[256];
        set_parts(cases[i].url);
        snprintf(expected, sizeof expected,
                 "host=%s|port=%s|user=purser_worker|password=secret|dbname=purser", cases[i].host,
                 cases[i].port);
        assert_string_equal(connection(), expected);
    }
    set_parts("a,b:5433,[::2]:1");
    assert_string_equal(connection(), "target_session_attrs=read-write|host=a,b,::2|port=,5433,1|"
                                      "user=purser_worker|password=secret|dbname=purser");
}

static void test_parts_that_do_not_fit(void **state)
{
    (void)state;
    set_parts("db");
    unsetenv("DB_NAME");
    assert_string_equal(refused(), "DB_NAME is missing: DB_USERNAME, DB_URL and DB_NAME go together");
    setenv("DB_NAME", "host=elsewhere", 1);
    assert_string_equal(refused(), "DB_NAME must be the name of a database, without = in it");
    set_parts("postgresql://db");
    assert_string_equal(refused(), "DB_URL must be a host or host:port; a whole URI belongs in DATABASE_URL");
}

static void test_several_hosts_ask_for_the_one_that_writes(void **state)
{
    (void)state;
    static const char *const several[] = {
        "postgresql://a,b/d",         "postgres://u:p@a:1,b:2/d", "postgresql:///d?host=a,b",
        "postgresql:///d?host=a%2Cb", "host=a,b dbname=d",        "dbname=d hostaddr=1,2",
    };
    static const char *const single[] = {
        "postgresql://a/d",
        "postgresql:///d?options=-c%20a,b",
        "host=a dbname=d options=a,b",
        "postgresql://a/b,c",
    };
    for (size_t i = 0; i < COUNT(several); i++) {
        setenv("DATABASE_URL", several[i], 1);
        assert_ptr_equal(strstr(connection(), "target_session_attrs=read-write|dbname="), connection());
    }
    for (size_t i = 0; i < COUNT(single); i++) {
        setenv("DATABASE_URL", single[i], 1);
        assert_null(strstr(connection(), "target_session_attrs"));
    }
    setenv("DATABASE_URL", several[0], 1);
    setenv("PGTARGETSESSIONATTRS", "any", 1);
    assert_null(strstr(connection(), "target_session_attrs"));
}

static void test_secrets_from_files(void **state)
{
    (void)state;
    set_parts("db");
    unsetenv("DB_PASSWORD");
    setenv("DB_PASSWORD_FILE", write_file("password", "from a file\n"), 1);
    assert_non_null(strstr(connection(), "|password=from a file|"));
    write_file("password", "rotated");
    assert_non_null(strstr(connection(), "|password=rotated|"));

    setenv("DATABASE_URL_FILE", write_file("url", "host=h\n"), 1);
    setenv("PGPASSWORD_FILE", write_file("pgpassword", "pg"), 1);
    assert_string_equal(connection(), "password=pg|dbname=host=h");
}

static void test_secret_files_that_are_no_use(void **state)
{
    (void)state;
    char expected[256];
    const char *path = write_file("secret", "\n");
    setenv("PGPASSWORD_FILE", path, 1);
    snprintf(expected, sizeof expected, "PGPASSWORD_FILE: %s: is empty", path);
    assert_string_equal(refused(), expected);

    char long_text[10000];
    memset(long_text, 'x', sizeof long_text);
    long_text[sizeof long_text - 1] = '\0';
    write_file("secret", long_text);
    assert_non_null(strstr(refused(), "is too long for a secret"));

    setenv("PGPASSWORD_FILE", "/nowhere/at/all", 1);
    assert_string_equal(refused(), "PGPASSWORD_FILE: /nowhere/at/all: No such file or directory");
    setenv("PGPASSWORD_FILE", scratch, 1);
    assert_non_null(strstr(refused(), "Is a directory"));

    setenv("PGPASSWORD", "hunter2", 1);
    assert_string_equal(refused(), "PGPASSWORD and PGPASSWORD_FILE are both set: only one of them may be");
}

/* What `purser config NAME` prints (all settings when NULL), or the sentence after "refused: ". */
static const char *printed(const char *name)
{
    static char text[4096];
    char fault[CONFIG_FAULT_BYTES] = "", *bytes = NULL;
    size_t size = 0;
    struct config config;
    accept_settings(&config);
    FILE *out = open_memstream(&bytes, &size);
    int result = config_print(&config, name, out, fault);
    fclose(out);
    snprintf(text, sizeof text, "%s%s", result != 0 ? "refused: " : "", result != 0 ? fault : bytes);
    free(bytes);
    return text;
}

static void test_print_all(void **state)
{
    (void)state;
    setenv("PURSER_WORKERS", "7", 1);
    setenv("PURSER_NGINX_PROCESSES", "9", 1);
    setenv("PURSER_LOG_LEVEL", "warn", 1);
    set_parts("db:5433");
    setenv("PGSSLMODE", "require", 1);
    assert_string_equal(
        printed(NULL),
        "PURSER_WORKERS=7\nPURSER_NGINX_PROCESSES=9\nPURSER_PORT=8080\nPURSER_TLS_PORT=0\n"
        "PURSER_TLS_DIR=/run/secrets/purser/tls\nPURSER_RATE_LIMIT=0\nPURSER_TRUSTED_PROXIES=\n"
        "PURSER_MAX_BODY_BYTES=1048576\nPURSER_MAX_BULK_BYTES=16777216\nPURSER_MAX_WAITING=1024\n"
        "PURSER_DEADLINE_MS=10000\nPURSER_DRAIN_MS=15000\nPURSER_DB_READERS=1\nPURSER_DB_SEARCHERS=1\n"
        "PURSER_DB_WRITERS=3\nPURSER_LOG_LEVEL=warn\nDB_USERNAME=purser_worker\n"
        "DB_PASSWORD=***\nDB_URL=db:5433\nDB_NAME=purser\nPGSSLMODE=require\n");
}

static void test_print_one(void **state)
{
    (void)state;
    assert_string_equal(printed("PURSER_PORT"), "8080\n");
    assert_string_equal(printed("PURSER_LOG_LEVEL"), "info\n");
    assert_string_equal(printed("PGHOST"), "refused: PGHOST is not a setting, or has no value here");
    assert_string_equal(printed("nonsense"), "refused: nonsense is not a setting, or has no value here");
    setenv("PGHOST", "a\nb", 1);
    assert_string_equal(printed("PGHOST"), "a?b\n");
    setenv("DATABASE_URL_FILE", write_file("url", "postgresql://u:hunter2@h/d"), 1);
    assert_null(strstr(printed(NULL), "hunter2"));
    assert_non_null(strstr(printed("DATABASE_URL_FILE"), "/url\n"));
}

static void test_secrets_are_masked(void **state)
{
    (void)state;
    static const struct {
        const char *url, *shown;
    } cases[] = {
        {"postgresql://u@h:5432/d", "postgresql://u@h:5432/d"},
        {"postgresql://h:5432/d", "postgresql://h:5432/d"},
        {"postgresql:///d?host=/run", "postgresql:///d?host=/run"},
        {"postgres://u:hunter2@h:5432/d", "postgres://u:***@h:5432/d"},
        {"postgres://u:hunter2@a:1,b:2/d?sslmode=require", "postgres://u:***@a:1,b:2/d?sslmode=require"},
        {"postgres://u:hun@ter2@h/d", "postgres://u:***@h/d"},
        {"postgres://u:hun/ter2@h/d", "postgres://u:***@h/d"},
        {"postgres://u:hun/t?er2@h/d", "postgres://u:***"},
        {"postgres://h/d?password=hun:ter@2&x=y", "postgres://h/d?password=***&x=y"},
        {"postgres://u@[::1]/d?password=hun@ter2", "postgres://u@[:***"},
        {"postgres://?u:hunter2@h&x=y", "postgres://?u:***@h&x=y"},
        {"postgres://h?password=hun:ter2", "postgres://h?password=***"},
        {"postgres://h/d?user=u&password=hunter2&x=y", "postgres://h/d?user=u&password=***&x=y"},
        {"postgres://u:hunter2@h/d?sslpassword=hunter2", "postgres://u:***@h/d?sslpassword=***"},
        {"host=h password=hunter2 dbname=d", "host=h password=*** dbname=d"},
        {"password = 'hunter2 \\' more' host=h", "password = *** host=h"},
        {"password=hun\\ ter2 host=h", "password=*** host=h"},
        {"host='h'password='hunter2", "host='h'password=***"},
        {"oauth_client_secret=hunter2 host=h", "oauth_client_secret=*** host=h"},
        {"host=a,password= password = 'hunter2 more'x=y", "host=a,password= password = ***x=y"},
        {"user='password=' password='hunter2'", "user='password=' password=***"},
        {"password\v=\fhunter2 host=h", "password?=?*** host=h"},
        {"host=h hunter2", "host=h***"},
        {"postgres://h/d?pass%77ord=hunter2&x", "postgres://h/d?pass%77ord=***&x"},
        {"postgres://h/d?application_name=password&password=hunter2",
         "postgres://h/d?application_name=password&password=***"},
        {"passfile=/run/passwords host=h", "passfile=/run/passwords host=h"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char expected[256];
        setenv("DATABASE_URL", cases[i].url, 1);
        snprintf(expected, sizeof expected, "%s\n", cases[i].shown);
        assert_string_equal(printed("DATABASE_URL"), expected);
    }
    setenv("PGPASSWORD", "hunter2", 1);
    assert_string_equal(printed("PGPASSWORD"), "***\n");
}

static void test_print_to_a_full_disk(void **state)
{
    (void)state;
    char fault[CONFIG_FAULT_BYTES] = "";
    struct config config;
    FILE *out = fopen("/dev/full", "w");
    accept_settings(&config);
    assert_int_equal(config_print(&config, NULL, out, fault), -1);
    assert_string_equal(fault, "the settings can't be written: No space left on device");
    fclose(out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_defaults),
        TEST(test_each_setting_is_read),
        TEST(test_a_wrong_value_is_named),
        TEST(test_a_long_value_is_cut_in_the_sentence),
        TEST(test_an_unknown_setting_is_named),
        TEST(test_the_port_alone),
        TEST(test_libpq_reads_its_own_variables),
        TEST(test_encoding_and_name_are_always_asked_for),
        TEST(test_the_url_comes_first),
        TEST(test_the_parts),
        TEST(test_parts_that_do_not_fit),
        TEST(test_several_hosts_ask_for_the_one_that_writes),
        TEST(test_secrets_from_files),
        TEST(test_secret_files_that_are_no_use),
        TEST(test_print_all),
        TEST(test_print_one),
        TEST(test_secrets_are_masked),
        TEST(test_print_to_a_full_disk),
    };
    return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
