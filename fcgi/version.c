#include "version.h"

const char version_number[] = PURSER_VERSION;
const char version_revision[] = PURSER_REVISION;
