#ifndef PURSER_HOSTS_H
#define PURSER_HOSTS_H

/*
 * The hosts that a worker's connections may be made to. libpq tries several one after the other, but goes no
 * further than the first that takes the connection and then says nothing. So each attempt begins with another
 * one.
 */

#include "arena.h"
#include "config.h"

/*
 * Complete what config_connection has given: another host first at each `turn`, 0 for the order as it was
 * given; and, unless the settings say otherwise, TCP finds out in good time that its peer is gone. Returns
 * how many hosts there are. What is added lives in `arena`; without memory the order stays, and one is all
 * that is known of.
 */
int hosts_prepare(struct config_connection *connection, struct arena *arena, unsigned turn);

#endif
