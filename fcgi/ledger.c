#include "ledger.h"

#include "uuid.h"

#include <stdlib.h>

#define EVERY_MS (10 * 60 * 1000)
#define AGAIN_MS 1000 /* when there was more than a few */
#define FEW      "10000"

/* Those of the service's own are of use for an hour, those that clients have keys to for a day. A few at a
 * time, so that it never takes long; of several workers, the ones that come second find nothing. A row comes
 * back when there may be more. */
const struct database_statement ledger_statement = {
    .text = {.name = "ledger_forget",
             .sql = "WITH forgotten AS (DELETE FROM ledger WHERE request IN (SELECT request FROM"
                    " (SELECT request FROM ledger WHERE fingerprint IS NULL"
                    " AND at < now() - interval '1 hour'"
                    " ORDER BY at LIMIT " FEW " FOR UPDATE SKIP LOCKED) AS own UNION ALL SELECT request FROM"
                    " (SELECT request FROM ledger WHERE fingerprint IS NOT NULL"
                    " AND at < now() - interval '24 hours'"
                    " ORDER BY at LIMIT " FEW " FOR UPDATE SKIP LOCKED) AS clients) RETURNING 1)"
                    " SELECT 1 FROM forgotten HAVING count(*) >= " FEW},
    .kind = DATABASE_WRITE};

struct ledger {
    struct loop *loop;
    struct database *database;
    struct loop_timer timer;
    struct database_query query;
};

/* Spread over time, because all workers start together. */
static void wait_a_while(struct ledger *ledger)
{
    uint8_t random[16] = {0};
    uuid_entropy(random);
    loop_timer_set(ledger->loop, &ledger->timer, EVERY_MS / 2 + (uint64_t)random[0] * EVERY_MS / 256);
}

static void callback_done(void *cookie, const struct database_result *result)
{
    struct ledger *ledger = cookie;
    if (database_rows(result) > 0)
        loop_timer_set(ledger->loop, &ledger->timer, AGAIN_MS);
    else /* what could not be done now is done the next time, too */
        wait_a_while(ledger);
}

static void callback_due(void *cookie)
{
    struct ledger *ledger = cookie;
    ledger->query = (struct database_query){.statement = &ledger_statement,
                                            .deadline = loop_now(ledger->loop) + EVERY_MS / 10,
                                            .done = callback_done,
                                            .cookie = ledger};
    if (database_send(ledger->database, &ledger->query) != 0)
        wait_a_while(ledger);
}

struct ledger *ledger_create(struct loop *loop, struct database *database)
{
    struct ledger *ledger = calloc(1, sizeof *ledger);
    if (ledger == NULL)
        return NULL;
    ledger->loop = loop;
    ledger->database = database;
    ledger->timer = (struct loop_timer){.due = callback_due, .cookie = ledger};
    wait_a_while(ledger);
    return ledger;
}

void ledger_free(struct ledger *ledger)
{
    if (ledger == NULL)
        return;
    database_cancel(ledger->database, &ledger->query);
    loop_timer_clear(ledger->loop, &ledger->timer);
    free(ledger);
}
