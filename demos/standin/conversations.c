#include "demos/standin/conversations.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void conversations_init(struct conversations *conversations, struct play_common *common)
{
	*conversations = (struct conversations){ .common = common };
}

static void forget_last(struct conversations *conversations)
{
	struct play *play = conversations->plays[--conversations->count];
	play_finish(play);
	free(play);
}

void conversations_finish(struct conversations *conversations)
{
	while (conversations->count) {
		forget_last(conversations);
	}
}

/* The conversation in the last id of ours in the body ("_c12t3n0", wire_id()); 0: there is none. */
static unsigned conversation_in(const char *body, size_t len)
{
	for (size_t at = len; at-- > 0;) {
		const char *mark = body + at;
		if (*mark != '_' || len - at < 3 || mark[1] != 'c') {
			continue;
		}
		unsigned number = 0;
		size_t i = at + 2;
		while (i < len && isdigit((unsigned char)body[i]) && number < 100000000) {
			number = number * 10 + (unsigned)(body[i++] - '0');
		}
		if (number && i < len && body[i] == 't') {
			return number;
		}
	}
	return 0;
}

/* Makes it the first of the list. */
static struct play *ask(struct conversations *conversations, int index)
{
	struct play *play = conversations->plays[index];
	memmove(conversations->plays + 1, conversations->plays, (size_t)index * sizeof(play));
	conversations->plays[0] = play;
	return play;
}

/* One that nothing was said in yet; NULL when memory runs out. */
static struct play *begin(struct conversations *conversations)
{
	for (int i = 0; i < conversations->count; i++) {
		if (!conversations->plays[i]->turn_count) {
			return ask(conversations, i);
		}
	}
	struct play *play = malloc(sizeof(*play));
	if (!play) {
		return NULL;
	}
	if (conversations->count == CONVERSATIONS_MAX) {
		forget_last(conversations);
	}
	play_init(play, conversations->common);
	conversations->plays[conversations->count++] = play;
	return ask(conversations, conversations->count - 1);
}

/* Some APIs give their calls no ids: then the words of the history decide. Two clients that were
 * told the same so far cannot be told apart by them. */
static struct play *find_by_words(struct conversations *conversations,
		struct wire_settings *settings, const struct wire_http *http)
{
	for (int i = 0; i < conversations->count; i++) {
		const int turns = wire_turns(conversations->plays[i], settings, http);
		if (turns >= 0) {
			return turns ? ask(conversations, i) : begin(conversations);
		}
	}
	/* It will be refused: with what the newest says against it. */
	return conversations->count ? conversations->plays[0] : begin(conversations);
}

static struct play *find(struct conversations *conversations, struct wire_settings *settings,
		const struct wire_http *http)
{
	/* A body that is too large was not read. */
	const unsigned number = http->body_len > WIRE_BODY_MAX
			? 0
			: conversation_in(http->body, http->body_len);
	for (int i = 0; number && i < conversations->count; i++) {
		if (conversations->plays[i]->conversation == number) {
			return ask(conversations, i);
		}
	}
	return find_by_words(conversations, settings, http);
}

void conversations_answer(struct conversations *conversations, struct wire_settings *settings,
		const struct wire_http *http, struct wire_reply *ret_reply)
{
	struct play *play = find(conversations, settings, http);
	if (!play) {
		*ret_reply = (struct wire_reply){ .http_status = 500,
			.content_type = "application/json" };
		cua_buffer_init(&ret_reply->body, WIRE_BODY_MAX);
		return;
	}
	wire_answer(play, settings, http, ret_reply);
}
