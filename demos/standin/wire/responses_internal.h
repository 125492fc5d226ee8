#ifndef CUA_DEMOS_STANDIN_WIRE_RESPONSES_INTERNAL_H
#define CUA_DEMOS_STANDIN_WIRE_RESPONSES_INTERNAL_H

/* The OpenAI Responses API, split by direction:
 *   responses_request.c  the request but for its input
 *   responses_settings.c what its members may be
 *   responses_history.c  the input: the replayed conversation
 *   responses_images.c   how large the model sees a picture
 *   responses_items.c    a turn as output items
 *   responses_answer.c   the response around them, its stream, errors */

#include "demos/standin/wire/check.h"
#include "demos/standin/wire/wire.h"

#define RESPONSES_PREVIEW "computer-use-preview"

/* The model whose calls have one action each. */
bool responses_is_preview(const struct wire_request *request);
bool responses_read(struct wire_request *request);
/* Members that hold more than one value. */
bool responses_check_settings(struct wire_request *request);
/* Checks "input", a list, against the turns that were sent. */
bool responses_read_input(struct wire_request *request, const cJSON *input);
/* Takes the picture of a part whose image_url and detail are these. */
bool responses_take_picture(struct wire_request *request, const cJSON *part, const char *place);
cJSON *responses_items(const struct wire_request *request, const struct play_turn *turn);
cJSON *responses_answer(const struct wire_request *request, const struct play_turn *turn);
void responses_stream(const struct wire_request *request, const struct play_turn *turn,
		struct wire_events *events);

#endif
