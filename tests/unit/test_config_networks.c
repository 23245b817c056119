/* Lists of networks: what is one, and what would mean something else to nginx. */

#include "config.h"

#include "unit.h"

static void test_lists_of_networks(void **state)
{
    (void)state;
    static const char *const good[] = {
        "",
        "10.0.0.1",
        "10.0.0.0/8",
        "0.0.0.0/0",
        "10.0.0.1/32",
        "::1",
        "fd00::/8",
        "::/0",
        "2001:db8::1/128",
        "::ffff:10.0.0.1/128",
        "10.0.0.1,192.168.0.0/16,fd00::/8",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/128",
    };
    for (size_t i = 0; i < COUNT(good); i++)
        if (!config_networks(good[i]))
            fail_msg("%s is a good one", good[i]);
    static const char *const wrong[] = {
        ",",
        "10.0.0.1,",
        ",10.0.0.1",
        "10.0.0.1,,10.0.0.2",
        "10.0.0.1, 10.0.0.2",
        " 10.0.0.1",
        "10.0.0.1 ",
        "10.0.0.1;",
        "10.0.0",
        "10.0.0.256",
        "10.0.0.01",
        "0x0a.0.0.1",
        "10.0.0.0/33",
        "10.0.0.0/",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.0/08",
        "10.0.0.0/8/8",
        "10.0.0.0/8000000000",
        "/8",
        "fd00::/129",
        "fd00::1%eth0",
        "[::1]",
        "1::2::3",
        "unix:",
        "all",
        "localhost",
        "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255/1280",
    };
    for (size_t i = 0; i < COUNT(wrong); i++)
        if (config_networks(wrong[i]))
            fail_msg("%s is a wrong one", wrong[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lists_of_networks),
    };
    return cmocka_run_group_tests_name("config networks", tests, NULL, NULL);
}
