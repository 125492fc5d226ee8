#include "demos/standin/wire/talk.h"

#include <stdlib.h>
#include <string.h>

#include "demos/standin/wire/picture.h"
#include "demos/standin/wire/wire.h"

void talk_init(struct talk *talk)
{
	*talk = (struct talk){ 0 };
	cua_buffer_init(&talk->told, WIRE_BODY_MAX);
	cua_buffer_init(&talk->notes, WIRE_BODY_MAX);
}

void talk_finish(struct talk *talk)
{
	free(talk->calls);
	free(talk->fresh);
	free(talk->png);
	cua_buffer_finish(&talk->told);
	cua_buffer_finish(&talk->notes);
}

void talk_begin_turn(struct talk *talk, int turn)
{
	talk->turn = turn + 1;
	talk->call_count = 0;
	talk->fresh_count = 0;
	cua_buffer_clear(&talk->told);
	cua_buffer_clear(&talk->notes);
}

bool talk_add_call(struct talk *talk, const char *id, const char *name, bool computer)
{
	struct talk_call *calls =
			realloc(talk->calls, ((size_t)talk->call_count + 1) * sizeof(*calls));
	if (!calls) {
		return false;
	}
	talk->calls = calls;
	calls[talk->call_count++] =
			(struct talk_call){ .id = id, .name = name, .computer = computer };
	return true;
}

struct talk_call *talk_find_call(const struct talk *talk, const char *id)
{
	for (int i = 0; id && i < talk->call_count; i++) {
		if (strcmp(talk->calls[i].id, id) == 0) {
			return &talk->calls[i];
		}
	}
	return NULL;
}

const struct talk_call *talk_unanswered(const struct talk *talk)
{
	for (int i = 0; i < talk->call_count; i++) {
		if (!talk->calls[i].answered) {
			return &talk->calls[i];
		}
	}
	return NULL;
}

bool talk_add_text(struct cua_buffer *into, const char *text)
{
	return cua_buffer_printf(into, NULL, "%s%s", into->len ? " " : "", text) == CUA_OK;
}

bool talk_complete(struct wire_request *request)
{
	struct talk *talk = &request->talk;
	if (!picture_decode_taken(request)) {
		return false;
	}
	struct play_input *input = &request->input;
	input->turns_replayed = talk->turn;
	input->told = talk->told.len ? talk->told.data : "";
	/* What stands before our first turn is the task, not a note. */
	input->notes = talk->turn && talk->notes.len ? talk->notes.data : "";
	input->png = talk->png;
	input->png_len = talk->png_len;
	input->is_new = talk->fresh_count > 0;
	input->screen = talk->picture_size;
	return true;
}
