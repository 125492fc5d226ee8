#ifndef CUA_EGRESS_EGRESS_LOG_H
#define CUA_EGRESS_EGRESS_LOG_H

#include <cjson/cJSON.h>

/* Adds "time", in UTC: the first member of each line of a log. */
void egress_log_time(cJSON *line);

#endif
