#ifndef PURSER_TESTS_IMPORTS_H
#define PURSER_TESTS_IMPORTS_H

/*
 * All that the program calls of others and that can fail: memory, libpq, epoll, sockets, files, libfcgi,
 * json-c and libcrypto, each with how it fails. The linker sends the program's calls to the wrappers here
 * (the test's first lines name the functions); in a process that sets imports_inside they are counted in
 * memory that is shared with the test, and the one that the test has chosen fails. Include it in one file,
 * after unit.h.
 */

#include <errno.h>
#include <fcgiapp.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libpq-fe.h>
#include <openssl/evp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

/* X(type, name, parameters, arguments, what it returns when it fails, its errno) */
#define IMPORTS_PLAIN(X)                                                                                     \
    X(void *, malloc, (size_t size), (size), NULL, ENOMEM)                                                   \
    X(void *, calloc, (size_t count, size_t size), (count, size), NULL, ENOMEM)                              \
    X(void *, realloc, (void *old, size_t size), (old, size), NULL, ENOMEM)                                  \
    X(char *, strdup, (const char *text), (text), NULL, ENOMEM)                                              \
    X(FILE *, fmemopen, (void *bytes, size_t size, const char *mode), (bytes, size, mode), NULL, ENOMEM)     \
    X(int, memfd_create, (const char *name, unsigned flags), (name, flags), -1, EMFILE)                      \
    X(void *, mmap, (void *at, size_t size, int protection, int flags, int fd, off_t offset),                \
      (at, size, protection, flags, fd, offset), MAP_FAILED, ENOMEM)                                         \
    X(int, ftruncate, (int fd, off_t size), (fd, size), -1, EIO)                                             \
    X(ssize_t, pwrite, (int fd, const void *bytes, size_t size, off_t at), (fd, bytes, size, at), -1,        \
      ENOSPC)                                                                                                \
    X(off_t, lseek, (int fd, off_t at, int whence), (fd, at, whence), -1, EIO)                               \
    X(ssize_t, read, (int fd, void *bytes, size_t size), (fd, bytes, size), -1, EINTR)                       \
    X(ssize_t, write, (int fd, const void *bytes, size_t size), (fd, bytes, size), -1, EIO)                  \
    X(FILE *, fopen, (const char *path, const char *mode), (path, mode), NULL, EMFILE)                       \
    X(char *, fgets, (char *line, int size, FILE *file), (line, size, file), NULL, EIO)                      \
    X(size_t, fread, (void *to, size_t size, size_t count, FILE *file), (to, size, count, file), 0, EIO)     \
    X(int, ferror, (FILE * file), (file), 1, EIO)                                                            \
    X(int, fflush, (FILE * file), (file), EOF, ENOSPC)                                                       \
    X(ssize_t, getrandom, (void *to, size_t size, unsigned flags), (to, size, flags), -1, EINTR)             \
    X(int, sched_getaffinity, (pid_t pid, size_t size, cpu_set_t *set), (pid, size, set), -1, EINVAL)        \
    X(int, sigprocmask, (int how, const sigset_t *set, sigset_t *old), (how, set, old), -1, EINVAL)          \
    X(int, signalfd, (int fd, const sigset_t *set, int flags), (fd, set, flags), -1, EMFILE)                 \
    X(int, epoll_create1, (int flags), (flags), -1, EMFILE)                                                  \
    X(int, epoll_wait, (int epoll, struct epoll_event *events, int size, int limit),                         \
      (epoll, events, size, limit), -1, EINTR)                                                               \
    X(int, accept4, (int fd, struct sockaddr *address, socklen_t *size, int flags),                          \
      (fd, address, size, flags), -1, EMFILE)                                                                \
    X(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)               \
    X(int, connect, (int fd, const struct sockaddr *to, socklen_t size), (fd, to, size), -1, ENETUNREACH)    \
    X(ssize_t, recv, (int fd, void *to, size_t size, int flags), (fd, to, size, flags), -1, ECONNRESET)      \
    X(ssize_t, send, (int fd, const void *from, size_t size, int flags), (fd, from, size, flags), -1, EPIPE) \
    X(int, poll, (struct pollfd * files, nfds_t count, int limit), (files, count, limit), -1, ENOMEM)        \
    X(int, getsockopt, (int fd, int level, int name, void *value, socklen_t *size),                          \
      (fd, level, name, value, size), -1, ENOBUFS)                                                           \
    X(int, setsockopt, (int fd, int level, int name, const void *value, socklen_t size),                     \
      (fd, level, name, value, size), -1, ENOBUFS)                                                           \
    X(int, FCGX_Init, (void), (), EMFILE, EMFILE)                                                            \
    X(int, FCGX_GetStr, (char *to, int size, FCGX_Stream *stream), (to, size, stream), 0, EIO)               \
    X(int, FCGX_PutStr, (const char *from, int size, FCGX_Stream *stream), (from, size, stream), -1, EPIPE)  \
    X(int, FCGX_FFlush, (FCGX_Stream * stream), (stream), -1, EPIPE)                                         \
    X(int, FCGX_FClose, (FCGX_Stream * stream), (stream), -1, EPIPE)                                         \
    X(EVP_MD_CTX *, EVP_MD_CTX_new, (void), (), NULL, ENOMEM)                                                \
    X(int, EVP_DigestInit_ex, (EVP_MD_CTX * context, const EVP_MD *type, ENGINE *engine),                    \
      (context, type, engine), 0, ENOMEM)                                                                    \
    X(int, EVP_DigestUpdate, (EVP_MD_CTX * context, const void *bytes, size_t size), (context, bytes, size), \
      0, ENOMEM)                                                                                             \
    X(int, EVP_DigestFinal_ex, (EVP_MD_CTX * context, unsigned char *digest, unsigned *size),                \
      (context, digest, size), 0, ENOMEM)                                                                    \
    X(struct json_object *, json_object_new_object, (void), (), NULL, ENOMEM)                                \
    X(struct json_object *, json_object_new_array, (void), (), NULL, ENOMEM)                                 \
    X(struct json_object *, json_object_new_boolean, (json_bool value), (value), NULL, ENOMEM)               \
    X(struct json_object *, json_object_new_int64, (int64_t value), (value), NULL, ENOMEM)                   \
    X(struct json_object *, json_object_new_double_s, (double value, const char *text), (value, text), NULL, \
      ENOMEM)                                                                                                \
    X(struct json_object *, json_object_new_string_len, (const char *text, int length), (text, length),      \
      NULL, ENOMEM)                                                                                          \
    X(int, json_object_array_add, (struct json_object * array, struct json_object * value), (array, value),  \
      -1, ENOMEM)                                                                                            \
    X(int, json_object_object_add_ex,                                                                        \
      (struct json_object * object, const char *name, struct json_object *value, unsigned options),          \
      (object, name, value, options), -1, ENOMEM)                                                            \
    X(PGconn *, PQconnectdbParams, (const char *const *keywords, const char *const *values, int expand),     \
      (keywords, values, expand), NULL, ENOMEM)                                                              \
    X(PGPing, PQpingParams, (const char *const *keywords, const char *const *values, int expand),            \
      (keywords, values, expand), PQPING_NO_ATTEMPT, ENOMEM)                                                 \
    X(PostgresPollingStatusType, PQconnectPoll, (PGconn * connection), (connection), PGRES_POLLING_FAILED,   \
      ENOMEM)                                                                                                \
    X(PQconninfoOption *, PQconninfoParse, (const char *text, char **fault), (text, fault), NULL, ENOMEM)    \
    X(PQconninfoOption *, PQconndefaults, (void), (), NULL, ENOMEM)                                          \
    X(ConnStatusType, PQstatus, (const PGconn *connection), (connection), CONNECTION_BAD, 0)                 \
    X(int, PQsocket, (const PGconn *connection), (connection), -1, EBADF)                                    \
    X(int, PQserverVersion, (const PGconn *connection), (connection), 0, 0)                                  \
    X(const char *, PQparameterStatus, (const PGconn *connection, const char *name), (connection, name),     \
      NULL, 0)                                                                                               \
    X(int, PQsetnonblocking, (PGconn * connection, int is), (connection, is), -1, EIO)                       \
    X(int, PQenterPipelineMode, (PGconn * connection), (connection), 0, 0)                                   \
    X(int, PQsendPrepare,                                                                                    \
      (PGconn * connection, const char *name, const char *sql, int count, const Oid *types),                 \
      (connection, name, sql, count, types), 0, ENOMEM)                                                      \
    X(int, PQsendQueryPrepared,                                                                              \
      (PGconn * connection, const char *name, int count, const char *const *values, const int *lengths,      \
       const int *formats, int format),                                                                      \
      (connection, name, count, values, lengths, formats, format), 0, ENOMEM)                                \
    X(int, PQsendQueryParams,                                                                                \
      (PGconn * connection, const char *sql, int count, const Oid *types, const char *const *values,         \
       const int *lengths, const int *formats, int format),                                                  \
      (connection, sql, count, types, values, lengths, formats, format), 0, ENOMEM)                          \
    X(int, PQflush, (PGconn * connection), (connection), -1, EPIPE)                                          \
    X(int, PQconsumeInput, (PGconn * connection), (connection), 0, ECONNRESET)                               \
    X(PGresult *, PQexec, (PGconn * session, const char *sql), (session, sql), NULL, ENOMEM)                 \
    X(PGresult *, PQexecParams,                                                                              \
      (PGconn * session, const char *sql, int count, const Oid *types, const char *const *values,            \
       const int *lengths, const int *formats, int format),                                                  \
      (session, sql, count, types, values, lengths, formats, format), NULL, ENOMEM)                          \
    X(int, PQputCopyData, (PGconn * session, const char *bytes, int size), (session, bytes, size), -1,       \
      EPIPE)                                                                                                 \
    X(int, PQputCopyEnd, (PGconn * session, const char *reason), (session, reason), -1, EPIPE)

/* Those whose wrapper is written out below. */
#ifdef LIBPQ_HAS_SEND_PIPELINE_SYNC
#define IMPORTS_SYNC PQsendPipelineSync
#else
#define IMPORTS_SYNC PQpipelineSync
#endif
#define IMPORTS_OWN(X)                                                                                       \
    X(, fcntl) X(, epoll_ctl) X(, FCGX_Accept_r) X(, PQconnectStartParams) X(, PQgetResult) X(, IMPORTS_SYNC)

/* Those that nobody makes fail, and why. */
static const struct {
    const char *names, *reason;
} imports_left[] = {
    {"free close munmap fclose PQclear PQfinish PQconninfoFree FCGX_Free FCGX_InitRequest json_object_put"
     " EVP_MD_CTX_free",
     "gives back what was had; nobody could do more (of files only those are closed that were read)"},
    {"PQntuples PQgetvalue PQgetisnull PQgetlength PQresultStatus PQresultErrorField PQresultErrorMessage "
     "PQerrorMessage PQisBusy"
     " PQbackendPID PQhost PQport FCGX_GetParam EVP_sha256",
     "looks at memory that is there already"},
    {"json_object_get_boolean json_object_get_double json_object_get_int64 json_object_get_object"
     " json_object_get_string json_object_get_string_len json_object_is_type json_object_object_get_ex",
     "looks at memory that is there already"},
    {"clock_gettime sysconf", "can't fail with what it is asked"},
    {"nanosleep", "a pause: a shorter one does no harm"},
    {"fputc putc puts fwrite", "into stdio's memory: fflush says whether it was written"},
};

/* What a name must be for one of the lists above to have it. */
static const char *const imports_prefixes[] = {
    "PQ", "epoll_", "FCGX_", "EVP_", "eventfd", "inotify_", "timerfd_", "json_object_", "json_tokener_"};
static const char imports_names[] =
    " malloc calloc realloc reallocarray aligned_alloc posix_memalign memalign strdup strndup asprintf "
    "vasprintf"
    " getline getdelim open_memstream fmemopen fopen fdopen freopen fclose fgets fread fwrite fflush ferror "
    "fputc"
    " putc puts popen tmpfile mkstemp mkdtemp open openat creat read write pread pwrite readv writev preadv "
    "pwritev"
    " send sendto sendmsg recv recvfrom recvmsg socket socketpair bind listen connect accept accept4 shutdown"
    " getsockopt setsockopt getsockname getpeername getaddrinfo poll ppoll select pselect fcntl ioctl dup "
    "dup2 dup3"
    " pipe pipe2 close signalfd memfd_create mmap munmap mremap mprotect madvise ftruncate truncate lseek "
    "fstat stat"
    " lstat statx unlink rename mkdir rmdir opendir readdir getrandom getentropy sched_getaffinity"
    " sched_setaffinity sysconf getrlimit setrlimit prctl fork vfork execve execv posix_spawn waitpid kill"
    " sigaction sigprocmask pthread_create pthread_sigmask nanosleep clock_nanosleep usleep sleep "
    "clock_gettime"
    " setenv putenv splice sendfile free ";

#define IMPORT_ENUM(type, name, ...) IMPORT_##name,
#define IMPORT_ENUM_OWN(_, name)     IMPORT_ENUM(, name)
#define IMPORT_NAME(type, name, ...) #name,
#define IMPORT_NAME_OWN(_, name)     IMPORT_NAME(, name)

enum { IMPORTS_PLAIN(IMPORT_ENUM) IMPORTS_OWN(IMPORT_ENUM_OWN) IMPORTS };
static const char *const imports[] = {IMPORTS_PLAIN(IMPORT_NAME) IMPORTS_OWN(IMPORT_NAME_OWN)};

#define IMPORTS_CONNECTIONS 16
#define IMPORTS_GONE        64

/* What the test and the process that is looked at share. */
static struct imports_shared {
    atomic_int chosen; /* whose call fails; IMPORTS: nobody's; -1: and they aren't counted */
    atomic_int at;     /* which one of its calls, from 1 */
    atomic_int seen;   /* of its calls so far */
    atomic_int failed;
    atomic_int calls[IMPORTS];
    atomic_int ready;              /* connections to the database that are set up and owe nothing */
    atomic_int gone;               /* server processes whose connections were closed */
    pid_t gone_pids[IMPORTS_GONE]; /* of these */
} *imports_shared;

static bool imports_inside; /* this is the process that is looked at */

/* ---- in the test ---- */

#define IMPORT_REAL_OF(type, name, parameters, ...) type __real_##name parameters;
IMPORTS_PLAIN(IMPORT_REAL_OF)

/* No more, and what is called from now on is not counted. */
static inline void imports_choose_none(void)
{
    imports_shared->chosen = -1;
}

static inline void imports_open(void)
{
    imports_shared =
        __real_mmap(NULL, sizeof *imports_shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(imports_shared, MAP_FAILED);
    imports_choose_none();
}

/* From now on calls are counted, and the n-th one of `import` fails. */
static inline void imports_choose(int import, int n)
{
    for (int each = 0; each < IMPORTS; each++)
        imports_shared->calls[each] = 0;
    imports_shared->seen = imports_shared->failed = 0;
    imports_shared->at = n;
    imports_shared->chosen = import;
}

/* ---- in the process that is looked at ---- */

static bool import_fails(int import, int error)
{
    if (!imports_inside || imports_shared->chosen < 0)
        return false;
    imports_shared->calls[import]++;
    if (imports_shared->chosen != import || ++imports_shared->seen != imports_shared->at)
        return false;
    imports_shared->failed++;
    if (error != 0)
        errno = error;
    return true;
}

#define IMPORT_WRAPPER(type, name, parameters, arguments, failure, error)                                    \
    type __wrap_##name parameters;                                                                           \
    type __wrap_##name parameters                                                                            \
    {                                                                                                        \
        return import_fails(IMPORT_##name, error) ? (failure) : __real_##name arguments;                     \
    }
IMPORTS_PLAIN(IMPORT_WRAPPER)

int __real_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...);
int __wrap_fcntl(int fd, int what, ...)
{
    va_list arguments;
    va_start(arguments, what);
    int flags = va_arg(arguments, int);
    va_end(arguments);
    return import_fails(IMPORT_fcntl, EBADF) ? -1 : __real_fcntl(fd, what, flags);
}

/* A descriptor is always forgotten: it can only be one that epoll doesn't know any more. */
int __real_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event);
int __wrap_epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    bool fails = import_fails(IMPORT_epoll_ctl, what == EPOLL_CTL_DEL ? ENOENT : ENOMEM);
    if (fails && what == EPOLL_CTL_DEL)
        __real_epoll_ctl(epoll, what, fd, event);
    return fails ? -1 : __real_epoll_ctl(epoll, what, fd, event);
}

/* When libfcgi is not content with what it reads it frees the request and closes the descriptor. */
int __real_FCGX_Accept_r(FCGX_Request *request);
int __wrap_FCGX_Accept_r(FCGX_Request *request);
int __wrap_FCGX_Accept_r(FCGX_Request *request)
{
    if (!import_fails(IMPORT_FCGX_Accept_r, EIO))
        return __real_FCGX_Accept_r(request);
    close(request->ipcFd);
    request->ipcFd = -1;
    return -1;
}

/* ---- its connections in pipeline mode ---- */

static struct import_connection {
    PGconn *connection;
    int sent, answered; /* Syncs: the set-up has two */
} import_connections[IMPORTS_CONNECTIONS];

static struct import_connection *import_connection(const PGconn *connection)
{
    for (int i = 0; i < IMPORTS_CONNECTIONS; i++)
        if (import_connections[i].connection == connection)
            return &import_connections[i];
    return NULL;
}

static void import_note(PGconn *connection, int sent, int answered)
{
    struct import_connection *noted = import_connection(connection);
    int ready = 0;
    if (!imports_inside || connection == NULL || noted == NULL)
        return;
    noted->sent += sent;
    noted->answered += answered;
    for (int i = 0; i < IMPORTS_CONNECTIONS; i++)
        ready += import_connections[i].answered >= 2 &&
                 import_connections[i].sent == import_connections[i].answered;
    imports_shared->ready = ready;
}

PGconn *__real_PQconnectStartParams(const char *const *keywords, const char *const *values, int expand);
PGconn *__wrap_PQconnectStartParams(const char *const *keywords, const char *const *values, int expand);
PGconn *__wrap_PQconnectStartParams(const char *const *keywords, const char *const *values, int expand)
{
    if (import_fails(IMPORT_PQconnectStartParams, ENOMEM))
        return NULL;
    PGconn *connection = __real_PQconnectStartParams(keywords, values, expand);
    *import_connection(NULL) = (struct import_connection){.connection = connection};
    return connection;
}

void __real_PQfinish(PGconn *connection);
void __wrap_PQfinish(PGconn *connection);
void __wrap_PQfinish(PGconn *connection)
{
    struct import_connection *noted = import_connection(connection);
    if (imports_inside && connection != NULL && noted != NULL) {
        imports_shared->gone_pids[imports_shared->gone % IMPORTS_GONE] = PQbackendPID(connection);
        imports_shared->gone++;
        import_note(connection, -noted->sent, -noted->answered);
        noted->connection = NULL;
    }
    __real_PQfinish(connection);
}

/* The memory for a result was not to be had: libpq gives an error in its place. */
PGresult *__real_PQgetResult(PGconn *connection);
PGresult *__wrap_PQgetResult(PGconn *connection);
PGresult *__wrap_PQgetResult(PGconn *connection)
{
    PGresult *result = __real_PQgetResult(connection);
    ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_PIPELINE_SYNC) {
        import_note(connection, 0, 1);
    } else if (result != NULL && import_fails(IMPORT_PQgetResult, 0)) {
        PQclear(result);
        result = PQmakeEmptyPGresult(connection, PGRES_FATAL_ERROR);
    }
    return result;
}

#define IMPORT_WRAP(name)   IMPORT_WRAP_1(name)
#define IMPORT_WRAP_1(name) __wrap_##name
#define IMPORT_REAL(name)   IMPORT_REAL_1(name)
#define IMPORT_REAL_1(name) __real_##name
#define IMPORT_OF(name)     IMPORT_OF_1(name)
#define IMPORT_OF_1(name)   IMPORT_##name

int IMPORT_REAL(IMPORTS_SYNC)(PGconn *connection);
int IMPORT_WRAP(IMPORTS_SYNC)(PGconn *connection);
int IMPORT_WRAP(IMPORTS_SYNC)(PGconn *connection)
{
    if (import_fails(IMPORT_OF(IMPORTS_SYNC), ENOMEM))
        return 0;
    import_note(connection, 1, 0);
    return IMPORT_REAL(IMPORTS_SYNC)(connection);
}

/* ---- what is in no list ---- */

static inline bool imports_is_word(const char *words, const char *word)
{
    size_t length = strlen(word);
    for (const char *at = words; (at = strstr(at, word)) != NULL; at++)
        if ((at == words || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    return false;
}

static inline bool imports_counts(const char *name)
{
    for (size_t i = 0; i < COUNT(imports_prefixes); i++)
        if (strncmp(name, imports_prefixes[i], strlen(imports_prefixes[i])) == 0)
            return true;
    return imports_is_word(imports_names, name);
}

static inline bool imports_lists(const char *name)
{
    for (int import = 0; import < IMPORTS; import++)
        if (strcmp(imports[import], name) == 0)
            return true;
    for (size_t i = 0; i < COUNT(imports_left); i++)
        if (imports_is_word(imports_left[i].names, name))
            return true;
    return false;
}

/* "__read_chk" and "fopen64" are read and fopen, as a compiler or the C library would have them. */
static inline const char *imports_plain_name(char *name)
{
    size_t length = strlen(name);
    if (length > 6 && strncmp(name, "__", 2) == 0 && strcmp(name + length - 4, "_chk") == 0) {
        name[length - 4] = '\0';
        return name + 2;
    }
    if (length > 2 && strcmp(name + length - 2, "64") == 0 && !imports_counts(name))
        name[length - 2] = '\0';
    return name;
}

/*
 * Look into the program's object files, which lie beside the directory of the tests: how many functions are
 * there that must be in a list and are in none.
 */
static inline int imports_forgotten(void)
{
    char self[300], command[400], name[200];
    int names = 0, forgotten = 0;
    ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
    assert_true(length > 0);
    self[length] = '\0';
    for (int up = 0; up < 2; up++)
        *strrchr(self, '/') = '\0';
    snprintf(command, sizeof command, "nm --undefined-only --format=just-symbols '%s'/*.o", self);
    FILE *found = popen(command, "re");
    assert_non_null(found);
    while (fscanf(found, "%199s", name) == 1) {
        const char *plain = imports_plain_name(name);
        if (!imports_counts(plain))
            continue;
        names++;
        if (!imports_lists(plain)) {
            print_error("the program calls %s: let it fail, or say why it can't (imports.h)\n", plain);
            forgotten++;
        }
    }
    assert_int_equal(pclose(found), 0);
    assert_true(names > IMPORTS / 2);
    return forgotten;
}

#endif
