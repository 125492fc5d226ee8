#ifndef CUA_TESTS_CLICK_MODEL_H
#define CUA_TESTS_CLICK_MODEL_H

/* A model that clicks at many places, each once, over each API. It believes what it is told: a call
 * that went well is not looked at again, one that was not run is made again, and of one that is
 * uncertain it looks which of its clicks the application got. */

#include <stdbool.h>

#include <cjson/cJSON.h>

#include "cua/base/buffer.h"

#define CLICK_PLACES 60

struct click_api {
	const char *name;
	/* Calls add() for each call of the conversation: the arguments that hold its places, and
	 * what it was told of it; "" for a call that went well. */
	void (*read)(const cJSON *body,
			void (*add)(const cJSON *arguments, const char *told, void *user_data),
			void *user_data);
	/* The place that arguments, or one of them, click at. */
	int (*place)(const cJSON *arguments);
	/* A turn with calls, numbered from number on, of a click each; none: it is done. */
	void (*put)(struct cua_buffer *out, int number, const int *places, int count);
};

extern const struct click_api click_apis[4];

/* The place that is clicked at x, y of the screen; -1 for none. */
int click_place(double x, double y);
/* Answers a request as a stream. is_clicked: what the application got of each place. Returns of how
 * many calls the request says that they are uncertain. */
int click_model_answer(const struct click_api *api, const char *request, const bool *is_clicked,
		struct cua_buffer *out);

#endif
