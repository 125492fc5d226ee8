/* POST /v1/desktops/{desktop}/exec: a program on a desktop, run to its end. For a terminal there is
 * one of its own, and for a shell that goes on the tool bash. */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/utf8.h"
#include "cua/desktops.h"
#include "cua/server/command.h"
#include "cua/server/desktop_control.h"
#include "cua/server/routes.h"

#define WORDS_MAX 100
#define TIME_S 30
#define TIME_MAX_S 600

static const struct field exec_fields[] = {
	{ "command", FIELD_TEXTS, FIELD_REQUIRED, 1, WORDS_MAX, NULL, NULL,
			"the program and its arguments; no shell reads them" },
	{ "input", FIELD_TEXT, .help = "for its standard input; it ends after it" },
	{ "timeout_s", FIELD_WHOLE, 0, 1, TIME_MAX_S, NULL, NULL, "then it is ended; 30 without" },
	{ 0 },
};
static const struct fields exec_body = { "Exec", exec_fields };

static const struct field executed_fields[] = {
	{ "exit_status", FIELD_WHOLE, FIELD_REQUIRED,
			.help = "128 and the number of the signal that ended it; 6, with words in "
				"errors, if the desktop failed" },
	{ "output", FIELD_TEXT, .help = "what it printed, if that is text" },
	{ "output_base64", FIELD_TEXT, .help = "and if it is not" },
	{ "errors", FIELD_TEXT, .help = "of its standard error the first 16 KiB" },
	{ "errors_base64", FIELD_TEXT },
	{ 0 },
};
static const struct fields executed_answer = { "Executed", executed_fields };

static void add_bytes(cJSON *answer, const char *name, const struct cua_buffer *bytes)
{
	const char *data = bytes->data ? bytes->data : "";
	if (strlen(data) == bytes->len && cua_utf8_check(data, bytes->len, NULL) == CUA_OK) {
		cJSON_AddStringToObject(answer, name, data);
		return;
	}
	char member[32];
	const size_t size = sodium_base64_ENCODED_LEN(bytes->len, sodium_base64_VARIANT_ORIGINAL);
	CUA_AUTO_FREE char *text = calloc(1, size);
	if (text) {
		sodium_bin2base64(text, size, (const unsigned char *)data, bytes->len,
				sodium_base64_VARIANT_ORIGINAL);
	}
	snprintf(member, sizeof(member), "%s_base64", name);
	cJSON_AddStringToObject(answer, member, text ? text : "");
}

static enum cua_status post_exec(struct request *request, struct cua_error *err)
{
	struct desktop_record record;
	struct command_result result;
	const char *argv[WORDS_MAX + 8] = { "cua", "desktop", "exec", "-d", record.name, "--" };
	int count = 6;
	const int asked_s = cua_json_int(request->body, "timeout_s");
	const cJSON *word = NULL;
	cJSON_ArrayForEach (word, cua_json_member(request->body, "command")) {
		argv[count++] = word->valuestring;
	}
	const struct command command = { .argv = argv,
		.input = cua_json_string(request->body, "input"),
		.timeout_ms = (asked_s > 0 ? asked_s : TIME_S) * 1000 };
	enum cua_status status = cua_desktop_find(request->parameters[0], &record, err);
	if (status == CUA_OK) {
		status = desktop_control_check(&record, &request->caller, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	status = command_run_until(&command, request_stop_fd(request), &result, err);
	if (status == CUA_OK) {
		/* It may have begun just when a person took the desktop. */
		status = desktop_control_check(&record, &request->caller, err);
	}
	if (status == CUA_OK) {
		request->answer = cJSON_CreateObject();
		cJSON_AddNumberToObject(request->answer, "exit_status", result.exit_status);
		add_bytes(request->answer, "output", &result.out);
		add_bytes(request->answer, "errors", &result.err);
	}
	command_result_finish(&result);
	return status;
}

static const struct route table[] = {
	{ "POST", "/v1/desktops/{desktop}/exec", "execOnDesktop",
			"Runs a program on it, to its end", SCOPE_ACT, ROUTE_LARGE, NULL,
			&exec_body, &executed_answer, 0, post_exec },
};
const struct routes exec_routes = ROUTES("exec", "Programs on desktops", table);
