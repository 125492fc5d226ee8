#include "demos/standin/fault.h"

#include <errno.h>
#include <limits.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/util.h"

enum kind { FLAG, NUMBER, TEXT };

#define FIELD(member) offsetof(struct fault, member)

static const struct word {
	const char *name;
	enum kind kind;
	int min, max; /* of numbers */
	size_t offset;
	const char *help;
} words[] = {
	{ "at", NUMBER, 1, INT_MAX, FIELD(at), "from this request on (only with --fault)" },
	{ "times", NUMBER, 1, INT_MAX, FIELD(times), "for so many answers; 1 if not given" },
	{ "status", NUMBER, 300, 599, FIELD(http_status), "this HTTP status and the API's error" },
	{ "code", TEXT, 0, 0, FIELD(code), "code of that error: insufficient_quota" },
	{ "message", TEXT, 0, 0, FIELD(message), "message of that error" },
	{ "retry-after", TEXT, 0, 0, FIELD(retry_after),
			"header: seconds, or date:SECONDS from now" },
	{ "retry-after-ms", TEXT, 0, 0, FIELD(retry_after_ms), "header: milliseconds" },
	{ "x-should-retry", TEXT, 0, 0, FIELD(should_retry), "header: true or false" },
	{ "redirect", TEXT, 0, 0, FIELD(redirect), "307 to this URL" },
	{ "endless-headers", FLAG, 0, 0, FIELD(endless_headers), "headers without end" },
	{ "content-type", TEXT, 0, 0, FIELD(content_type), "header of the answer" },
	{ "garbage", FLAG, 0, 0, FIELD(garbage), "bytes that are no JSON" },
	{ "empty", FLAG, 0, 0, FIELD(empty), "no body" },
	{ "bomb", NUMBER, 1, 4096, FIELD(bomb_mb), "gzip that becomes so many megabytes" },
	{ "end", TEXT, 0, 0, FIELD(end),
			"why the turn ends, in the API's word: max_tokens, length, refusal" },
	{ "deep", NUMBER, 1, 10000000, FIELD(deep), "a member of so many nested lists" },
	{ "duplicates", FLAG, 0, 0, FIELD(duplicates), "members twice, first with nonsense" },
	{ "huge", NUMBER, 1, 32, FIELD(huge_mb), "so many megabytes of words" },
	{ "batch", NUMBER, 1, 1000, FIELD(batch), "so many calls before those of the turn" },
	{ "error-event", NUMBER, 0, INT_MAX, FIELD(error_event),
			"the stream fails after so many events" },
	{ "delay", NUMBER, 0, INT_MAX, FIELD(delay_ms), "milliseconds before the headers" },
	{ "pause", NUMBER, 0, INT_MAX, FIELD(pause_ms), "milliseconds before each event" },
	{ "piece", NUMBER, 1, 4000, FIELD(piece), "bytes written at once" },
	{ "cut", NUMBER, 0, INT_MAX, FIELD(cut), "close after so many bytes of the body" },
	{ "reset", NUMBER, 0, INT_MAX, FIELD(reset), "reset the connection after so many" },
	{ "stall", NUMBER, 0, INT_MAX, FIELD(stall), "say nothing more after so many" },
};

static enum cua_status read_number(
		const struct word *word, const char *value, int *ret_number, struct cua_error *err)
{
	char *end = NULL;
	errno = 0;
	long number = strtol(value, &end, 10);
	if (end == value || *end || errno || number < word->min || number > word->max) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "fault: %s is '%s'; it must be %d to %d",
				word->name, value, word->min, word->max);
	}
	*ret_number = (int)number;
	return CUA_OK;
}

static enum cua_status read_word(
		struct fault *fault, const char *name, const char *value, struct cua_error *err)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(words); i++) {
		const struct word *word = &words[i];
		void *field = (char *)fault + word->offset;
		if (strcmp(word->name, name) != 0) {
			continue;
		}
		if ((word->kind == FLAG) != !value) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "fault: %s takes %s value", name,
					value ? "no" : "a");
		}
		if (word->kind == FLAG) {
			*(bool *)field = true;
			return CUA_OK;
		}
		if (word->kind == NUMBER) {
			return read_number(word, value, field, err);
		}
		snprintf(field, FAULT_TEXT_MAX, "%s", value);
		return CUA_OK;
	}
	return CUA_FAIL(err, CUA_ERR_INVAL, 0, "fault: there is no '%s'; see cua-standin --words",
			name);
}

enum cua_status fault_parse(const char *spec, struct fault *ret_fault, struct cua_error *err)
{
	struct fault fault = {
		.at = 1, .times = 1, .error_event = -1, .cut = -1, .reset = -1, .stall = -1
	};
	CUA_AUTO_FREE char *copy = strdup(spec);
	if (!copy) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "fault");
	}
	char *rest = NULL;
	for (char *name = strtok_r(copy, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		char *value = strchr(name, '=');
		if (value) {
			*value++ = '\0';
		}
		enum cua_status status = read_word(&fault, name, value, err);
		if (status != CUA_OK) {
			return status;
		}
	}
	*ret_fault = fault;
	return CUA_OK;
}

void fault_print_words(FILE *out)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(words); i++) {
		const struct word *word = &words[i];
		fprintf(out, "%s%-16s %s\n", word->name, word->kind == FLAG ? "" : "=...",
				word->help);
	}
}
