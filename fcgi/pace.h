#ifndef PURSER_PACE_H
#define PURSER_PACE_H

/*
 * How long searches take lately, and so who of those that wait can't be answered in time: who is told at once
 * may go elsewhere, or come again, while a deadline that has passed has cost everybody something and helped
 * nobody. Only searches are slow enough for that; PURSER_MAX_WAITING bounds the rest. For database.c.
 */

#include <stdint.h>

#define PACE_KEPT 16 /* of the last ones it is known how long they took */

struct database;

struct pace {
    uint32_t took_ms[PACE_KEPT];
    unsigned count; /* of all there ever were */
};

/* PostgreSQL was at work on a search for so long. */
void pace_note(struct pace *pace, uint64_t ms);

/*
 * What `searches`, one after the other, will take by that, in ms; 0 while too little is known. The longest
 * two of those that are known don't count: a server that stood still for a while was not slow.
 */
uint64_t pace_guess(const struct pace *pace, uint64_t searches);

/*
 * Refuse (DATABASE_OVERLOADED) the newest of the searches that wait, as long as by this guess they wait for
 * more than half of the time that they have left. Those whose answer has begun, and those that were sent
 * before, stay.
 */
void pace_refuse(struct database *database);

#endif
