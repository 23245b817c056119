#ifndef PURSER_TESTS_INJECT_H
#define PURSER_TESTS_INJECT_H

/*
 * Make the n-th call of a function fail. The linker sends the calls of our own objects to a wrapper; the
 * test's first line names the functions:
 *
 *     // wrap: malloc calloc realloc getrandom
 *     #include "inject.h"
 *     INJECT_MEMORY
 *     INJECT_INT(ssize_t, getrandom, (void *to, size_t size, unsigned flags), (to, size, flags))
 *
 *     for (int n = 1;; n++) {
 *         inject_at("getrandom", n, EIO);          or NULL: calls of every wrapped function are counted
 * together … run what is to be tested … if (!inject_off())                       nothing failed any more: it
 * ran to its end break; … look at how it failed …
 *     }
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static struct {
    const char *function; /* NULL: any */
    int at;               /* the call that fails, from 1; 0: none */
    bool lasting;         /* and all calls after it */
    int error;            /* its errno */
    int calls;            /* that were counted since inject_at */
    int failures;         /* that were made to fail since then */
} inject;

/* Let the n-th call from now on of `function` fail with `error`. n 0 only counts: see inject.calls. */
static inline void inject_at(const char *function, int n, int error)
{
    inject.function = function;
    inject.at = n;
    inject.lasting = false;
    inject.error = error;
    inject.calls = 0;
    inject.failures = 0;
}

/* Let it and every later call fail. */
static inline void inject_from(const char *function, int n, int error)
{
    inject_at(function, n, error);
    inject.lasting = true;
}

/* No more failures; returns how many there were. */
static inline int inject_off(void)
{
    inject.at = 0;
    return inject.failures;
}

/* For the wrappers: whether this call is to fail; errno is then set. */
static inline bool inject_fails(const char *function)
{
    if (inject.function != NULL && strcmp(inject.function, function) != 0)
        return false;
    inject.calls++;
    if (inject.at == 0 || (inject.lasting ? inject.calls < inject.at : inject.calls != inject.at))
        return false;
    inject.failures++;
    errno = inject.error;
    return true;
}

/* A wrapper for a function that returns `failure` when it fails. */
#define INJECT(type, name, parameters, arguments, failure)                                                   \
    type __real_##name parameters;                                                                           \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters                                                                            \
    {                                                                                                        \
        return inject_fails(#name) ? (failure) : __real_##name arguments;                                    \
    }

#define INJECT_POINTER(type, name, parameters, arguments) INJECT(type, name, parameters, arguments, NULL)
#define INJECT_INT(type, name, parameters, arguments)     INJECT(type, name, parameters, arguments, -1)

#define INJECT_MEMORY                                                                                        \
    INJECT_POINTER(void *, malloc, (size_t size), (size))                                                    \
    INJECT_POINTER(void *, calloc, (size_t count, size_t size), (count, size))                               \
    INJECT_POINTER(void *, realloc, (void *old, size_t size), (old, size))

#endif
