#ifndef PURSER_RESOURCE_H
#define PURSER_RESOURCE_H

/*
 * A table described as data, and what follows from the description: its SQL, the check of what clients send, its JSON.
 */

#include "field.h"

struct resource {
    const char *name;     /* "passengers": also the table's name, and what `purser import` calls it */
    const char *singular; /* "passenger", for sentences */
    const struct field *fields; /* in the order of the JSON keys */
    int field_count;
    int key;    /* index of the primary key in `fields`, a FIELD_UUID column */
    int lookup; /* index of the unique column (FIELD_EMAIL) that clients name rows by, or -1: by the key */
};

#endif
