#ifndef PURSER_TESTS_CHECK_H
#define PURSER_TESTS_CHECK_H

/* What a fuzz target says that must hold: an input for which it doesn't is a finding. */

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: this does not hold: %s\n", __FILE__, __LINE__, #condition);              \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

#endif
