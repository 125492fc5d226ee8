#include "agent/model/anthropic_internal.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/util.h"

#define CACHE_BREAKPOINT ",\"cache_control\":{\"type\":\"ephemeral\"}"
#define THINKING_BUDGET 4096
#define PRUNE_STEP 25 /* messages; in between, the cache holds */

/* Clearing costs a new cache: seldom, and then much. Each action is a tool use. */
#define CLEAR_TRIGGER_TOKENS 100000
#define CLEAR_KEEP_USES 20

/* A thread takes no context editing. */
bool anthropic_edits_context(const struct anthropic *talk)
{
	return !talk->quirks.no_context_editing && !talk->config->is_probe &&
			!anthropic_uses_threads(talk);
}

/* --- the head --- */

static void mark_for_cache(cJSON *block)
{
	cJSON_AddStringToObject(
			cJSON_AddObjectToObject(block, "cache_control"), "type", "ephemeral");
}

/* The breakpoint behind the instructions covers the tools, which come first. */
static void add_system(const struct anthropic *talk, cJSON *head)
{
	char text[4096];
	snprintf(text, sizeof(text), "%s\nThe screen has %dx%d pixels.", model_instructions,
			talk->config->screen.x, talk->config->screen.y);
	CUA_AUTO_FREE char *whole = model_with_instructions(talk->config, text);
	cJSON *block = cJSON_CreateObject();
	cJSON_AddStringToObject(block, "type", "text");
	cJSON_AddStringToObject(block, "text", whole);
	mark_for_cache(block);
	cJSON_AddItemToArray(cJSON_AddArrayToObject(head, "system"), block);
}

static bool asks_to_think(const struct anthropic *talk)
{
	return talk->config->spec->thinking[0] && !talk->quirks.no_thinking;
}

bool anthropic_may_prune(const struct anthropic *talk)
{
	return talk->config->spec->prunes || (asks_to_think(talk) && !talk->quirks.no_unbinding);
}

/* The newest models keep to themselves what they think unless they are asked to sum it up. */
static void add_thinking(const struct anthropic *talk, cJSON *head)
{
	const char *kind = talk->config->spec->thinking;
	if (!asks_to_think(talk)) {
		return;
	}
	cJSON *thinking = cJSON_AddObjectToObject(head, "thinking");
	cJSON_AddStringToObject(thinking, "type", kind);
	if (strcmp(kind, "enabled") == 0) {
		cJSON_AddNumberToObject(thinking, "budget_tokens", THINKING_BUDGET);
	} else if (strcmp(kind, "adaptive") == 0 && !talk->quirks.no_display) {
		cJSON_AddStringToObject(thinking, "display", "summarized");
	}
	if (talk->unbinds) {
		cJSON_AddStringToObject(cJSON_AddObjectToObject(thinking, "block_binding"),
				"prefix_mismatch_behavior", "drop_block");
	}
}

static cJSON *amount(cJSON *edit, const char *name, const char *type, double value)
{
	cJSON *object = cJSON_AddObjectToObject(edit, name);
	cJSON_AddStringToObject(object, "type", type);
	cJSON_AddNumberToObject(object, "value", value);
	return object;
}

/* The server clears its own view of old results; we go on sending all of them. */
static void add_context_editing(const struct anthropic *talk, cJSON *head)
{
	double context = talk->config->spec->context;
	double trigger = context > 0 ? fmin(CLEAR_TRIGGER_TOKENS, floor(context / 2))
				     : CLEAR_TRIGGER_TOKENS;
	cJSON *edit = cJSON_CreateObject();
	cJSON_AddStringToObject(edit, "type", "clear_tool_uses_20250919");
	amount(edit, "trigger", "input_tokens", trigger);
	amount(edit, "keep", "tool_uses", CLEAR_KEEP_USES);
	amount(edit, "clear_at_least", "input_tokens", floor(trigger / 3));
	cJSON_AddItemToArray(
			cJSON_AddArrayToObject(cJSON_AddObjectToObject(head, "context_management"),
					"edits"),
			edit);
}

static void add_thread(const struct anthropic *talk, cJSON *head)
{
	cJSON *thread = cJSON_AddObjectToObject(head, "thread");
	cJSON_AddStringToObject(thread, "type", anthropic_continues(talk) ? "continue" : "create");
	if (anthropic_continues(talk)) {
		cJSON_AddStringToObject(thread, "previous_message_id", talk->thread);
	}
}

static cJSON *build_head(const struct anthropic *talk)
{
	cJSON *head = cJSON_CreateObject();
	cJSON_AddStringToObject(head, "model", talk->config->model);
	cJSON_AddNumberToObject(head, "max_tokens", talk->config->is_probe ? 1 : talk->max_tokens);
	cJSON_AddBoolToObject(head, "stream", true);
	if (talk->config->is_probe) {
		return head;
	}
	if (!anthropic_continues(talk)) { /* a thread keeps what it was made with */
		add_system(talk, head);
		anthropic_add_tools(talk, head);
	}
	add_thinking(talk, head);
	if (anthropic_edits_context(talk)) {
		add_context_editing(talk, head);
	}
	if (anthropic_uses_threads(talk)) {
		add_thread(talk, head);
	}
	return head;
}

/* --- messages --- */

/* The messages of a request: from first on, those before pruned without their pictures. */
struct span {
	size_t first, pruned;
};

static void measure(const struct anthropic *talk, const struct span *span, double *ret_images,
		double *ret_bytes)
{
	*ret_images = *ret_bytes = 0;
	for (size_t i = span->first; i < talk->count; i++) {
		const struct anthropic_message *message = &talk->messages[i];
		bool is_plain = i < span->pruned && message->plain;
		*ret_images += is_plain ? 0 : message->images;
		*ret_bytes += (double)(is_plain ? message->plain_len
						: message->text_len + message->image_bytes) +
				1;
	}
}

/* The server counts the pictures of a whole thread. */
static double images_max(const struct anthropic *talk)
{
	const double max_count = talk->config->spec->images.max_count;
	if (anthropic_uses_threads(talk)) {
		return talk->images - anthropic_pictures_left_out(talk);
	}
	return max_count > 0 ? max_count : HUGE_VAL;
}

/* Thoughts are bound to pictures that are gone. A thread keeps what it was begun with. */
static bool needs_unbinding(const struct anthropic *talk, const struct span *span)
{
	return !talk->config->spec->prunes &&
			(span->pruned > 0 ||
					(anthropic_continues(talk) &&
							(talk->unbinds || talk->left_out > 0)));
}

/* Old pictures go only when a request would be refused for them: by steps, and by what the
 * conversation is alone, so that one that is rebuilt does the same. Where thoughts are bound to
 * them, the server is asked to drop those. */
static enum cua_status choose_span(
		struct anthropic *talk, struct span *ret_span, struct cua_error *err)
{
	const double bytes_max = (double)ANTHROPIC_BODY_MAX - (1 << 20); /* of the head */
	struct span span = { anthropic_continues(talk) ? talk->held : 0, 0 };
	double images = 0, bytes = 0;
	measure(talk, &span, &images, &bytes);
	while (bytes > bytes_max || images > images_max(talk)) {
		span.pruned += PRUNE_STEP;
		if (!anthropic_may_prune(talk) || span.pruned >= talk->count) {
			return CUA_FAIL(err, CUA_ERR_MODEL, 0,
					"the conversation is too long for %.60s: %.0f pictures, "
					"%.0f MB",
					talk->config->model, images, bytes / 1e6);
		}
		measure(talk, &span, &images, &bytes);
	}
	talk->unbinds = needs_unbinding(talk, &span);
	*ret_span = span;
	return CUA_OK;
}

/* Where the request before this one ended, so that what it wrote into the cache is found however
 * many blocks the turn in between had; talk->count if there was none. */
static size_t find_former_end(const struct anthropic *talk)
{
	size_t end = talk->count;
	while (end > 0 && talk->messages[end - 1].plain) {
		end--; /* the user's */
	}
	while (end > 0 && !talk->messages[end - 1].plain) {
		end--; /* of the turn, which may have come in pieces */
	}
	return end > 0 ? end - 1 : talk->count;
}

/* Into the last block of a message of the user, which ends in "}]}". */
static enum cua_status append_message(const struct anthropic *talk, size_t at, bool is_plain,
		bool is_marked, struct cua_buffer *body, struct cua_error *err)
{
	const struct anthropic_message *message = &talk->messages[at];
	bool is_short = is_plain && message->plain;
	const char *text = is_short ? message->plain : message->text;
	size_t len = is_short ? message->plain_len : message->text_len;
	size_t tail = is_marked && message->plain ? 3 : 0;
	enum cua_status status = cua_buffer_append(body, text, len - tail, err);
	if (status == CUA_OK && tail) {
		status = cua_buffer_append(body, CACHE_BREAKPOINT, strlen(CACHE_BREAKPOINT), err);
	}
	return status == CUA_OK && tail ? cua_buffer_append(body, text + len - tail, tail, err)
					: status;
}

static enum cua_status append_messages(const struct anthropic *talk, struct span span,
		struct cua_buffer *body, struct cua_error *err)
{
	size_t former_end = find_former_end(talk);
	enum cua_status status = CUA_OK;
	for (size_t i = span.first; status == CUA_OK && i < talk->count; i++) {
		bool is_marked = !talk->config->is_probe &&
				(i == former_end || i + 1 == talk->count);
		status = i > span.first ? cua_buffer_append(body, ",", 1, err) : CUA_OK;
		if (status == CUA_OK) {
			status = append_message(talk, i, i < span.pruned, is_marked, body, err);
		}
	}
	return status;
}

enum cua_status anthropic_body(void *self, struct cua_buffer *body, struct cua_error *err)
{
	struct anthropic *talk = self;
	struct span span;
	anthropic_end_full_thread(talk);
	enum cua_status status = !anthropic_continues(talk) && talk->shelf.count > 0
			? anthropic_unshelve(talk, err)
			: CUA_OK;
	if (status == CUA_OK) {
		status = choose_span(talk, &span, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	CUA_AUTO_JSON cJSON *head = build_head(talk);
	CUA_AUTO_FREE char *text = cJSON_PrintUnformatted(head);
	if (!text) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "request");
	}
	/* Messages go in as they are, where the head's closing brace was. */
	status = cua_buffer_append(body, text, strlen(text) - 1, err);
	if (status == CUA_OK) {
		status = cua_buffer_printf(body, err, ",\"messages\":[");
	}
	if (status == CUA_OK) {
		status = append_messages(talk, span, body, err);
	}
	return status == CUA_OK ? cua_buffer_append(body, "]}", 2, err) : status;
}
