#ifndef PURSER_TESTS_UNIT_H
#define PURSER_TESTS_UNIT_H

/* cmocka with the headers that it wants before it, and what tests of several modules share. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Hold a buffer's contents against a string. */
#define assert_buffer(buffer, expected)                                                                      \
    do {                                                                                                     \
        assert_false((buffer)->failed);                                                                      \
        assert_int_equal((buffer)->length, strlen(expected));                                                \
        assert_memory_equal((buffer)->bytes, expected, strlen(expected));                                    \
    } while (0)

#endif
