#ifndef CUA_DISPLAY_PICTURE_WORKERS_H
#define CUA_DISPLAY_PICTURE_WORKERS_H

/* Threads that help with a picture. They are started when there is work for them and end when
 * there was none for a while, so that an idle desktop has none. */

#include <stdbool.h>
#include <stddef.h>

/* Memory of one thread that is kept from one item to the next. */
struct picture_scratch {
	void *data;
	size_t size;
};

/* At least size bytes of any content; NULL when memory runs out. */
void *picture_scratch_get(struct picture_scratch *scratch, size_t size);

/* Does item of the work; called by several threads at once, each with its own scratch. */
typedef void (*picture_work_fn)(void *user_data, int item, struct picture_scratch *scratch);

struct picture_workers;

/* NULL when memory runs out. */
struct picture_workers *picture_workers_create(void);
void picture_workers_destroy(struct picture_workers *workers);

/* The caller's, between two rounds. */
struct picture_scratch *picture_workers_scratch(struct picture_workers *workers);

/* Items 0 to count - 1, in any order; returns when all are done. The caller works too, and does
 * all of it if no thread can be had. is_small: not worth starting a thread that is not needed again
 * soon. */
void picture_workers_run(struct picture_workers *workers, int count, bool is_small,
		picture_work_fn work, void *user_data);

#endif
