/* The processors that a control group leaves a process. */

#include "config.h"

#include "scratch.h"

static void test_the_quota_of_control_groups_2(void **state)
{
    (void)state;
    assert_int_equal(config_quota(scratch), 0);
    write_file("proc/self/cgroup", "0::/pod/box\n");
    write_file("sys/fs/cgroup/pod/box/cpu.max", "max 100000\n");
    assert_int_equal(config_quota(scratch), 0);
    write_file("sys/fs/cgroup/pod/cpu.max", "350000 100000\n"); /* the pod's limit holds for its boxes */
    assert_int_equal(config_quota(scratch), 4);
    write_file("sys/fs/cgroup/pod/box/cpu.max", "50000 100000\n");
    assert_int_equal(config_quota(scratch), 1);
    write_file("sys/fs/cgroup/pod/box/cpu.max", "what is this\n");
    assert_int_equal(config_quota(scratch), 4);
}

static void test_the_quota_inside_a_container(void **state)
{
    (void)state;
    write_file("proc/self/cgroup", "0::/\n");
    write_file("sys/fs/cgroup/cpu.max", "200000 100000\n");
    assert_int_equal(config_quota(scratch), 2);
}

static void test_the_quota_of_control_groups_1(void **state)
{
    (void)state;
    write_file("proc/self/cgroup", "5:cpuset:/x\n4:cpu,cpuacct:/docker/abc\n1:name=systemd:/x\n");
    write_file("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
    write_file("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
    assert_int_equal(config_quota(scratch), 0);
    write_file("sys/fs/cgroup/cpu/cpu.cfs_quota_us",
               "250000\n"); /* /docker/abc itself is not there in a container */
    assert_int_equal(config_quota(scratch), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_quota_of_control_groups_2),
        TEST(test_the_quota_inside_a_container),
        TEST(test_the_quota_of_control_groups_1),
    };
    return cmocka_run_group_tests_name("config processors", tests, NULL, NULL);
}
