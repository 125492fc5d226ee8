#ifndef CUA_BENCH_TOPICS_H
#define CUA_BENCH_TOPICS_H

/* The topics' own functions; each in the file of its name. */

#include "cua/bench/bench.h"

enum cua_status bench_seeing(struct bench *bench, struct cua_error *err);
enum cua_status bench_acting(struct bench *bench, struct cua_error *err);
enum cua_status bench_typing(struct bench *bench, struct cua_error *err);
enum cua_status bench_cost(struct bench *bench, struct cua_error *err);
enum cua_status bench_loop(struct bench *bench, struct cua_error *err);
enum cua_status bench_tools(struct bench *bench, struct cua_error *err);
enum cua_status bench_serve(struct bench *bench, struct cua_error *err);
enum cua_status bench_vnc(struct bench *bench, struct cua_error *err);
enum cua_status bench_settle(struct bench *bench, struct cua_error *err);

#endif
