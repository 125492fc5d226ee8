/* Secrets: set and removed, and where they may be typed. No route tells a value. */

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/secrets/store.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/placeholder.h"
#include "cua/server/arguments.h"
#include "cua/server/command.h"
#include "cua/server/routes.h"

#define COMMAND_TIMEOUT_MS 30000

static const struct field new_fields[] = { { "value", FIELD_TEXT, FIELD_REQUIRED, 1,
							   AGENT_SECRET_VALUE_MAX, NULL, NULL,
							   "no answer has it, ever" },
	{ "kind", FIELD_TEXT, 0, .choices = "typed|api_key",
			.help = "typed, if it is not said; api_key: a key of a model, by the name "
				"of its variable, which is never typed" },
	{ "windows", FIELD_TEXTS, 0, 0, AGENT_SECRET_PLACES_MAX, NULL, NULL,
			"patterns of windows that it may be typed in: Pinentry*" },
	{ "origins", FIELD_TEXTS, 0, 0, AGENT_SECRET_PLACES_MAX, NULL, NULL,
			"of pages that it may be typed in: https://bank.example" },
	{ 0 } };
static const struct fields new_body = { "NewSecret", new_fields };

static const struct field secret_fields[] = { { "name", FIELD_TEXT, FIELD_REQUIRED },
	{ "kind", FIELD_TEXT, FIELD_REQUIRED, .choices = "typed|api_key" },
	{ "windows", FIELD_TEXTS, FIELD_REQUIRED }, { "origins", FIELD_TEXTS, FIELD_REQUIRED },
	{ "set_ms", FIELD_NUMBER, FIELD_REQUIRED, .help = "milliseconds since 1970" }, { 0 } };
static const struct fields secret_answer = { "Secret", secret_fields };

static enum cua_status check_name(const char *name, struct cua_error *err)
{
	return cua_placeholder_is_name(name)
			? CUA_OK
			: CUA_FAIL(err, CUA_ERR_INVAL, 0,
					  "a name has letters, digits, '_', '-' and '.', at most "
					  "%d, and begins with a letter or '_'",
					  CUA_PLACEHOLDER_NAME_MAX);
}

static enum cua_status list_secrets(cJSON **ret_list, struct cua_error *err)
{
	static const char *const argv[] = { "cua", "secret", "list", "--json", NULL };
	const struct command command = { .argv = argv, .timeout_ms = COMMAND_TIMEOUT_MS };
	cJSON *secret = NULL;
	enum cua_status status = command_json(&command, CUA_ERR_IO, ret_list, err);
	if (status == CUA_OK) {
		cJSON_ArrayForEach (secret, *ret_list) {
			cJSON_AddNumberToObject(
					secret, "set_ms", cua_json_number(secret, "set") * 1000);
			cJSON_DeleteItemFromObjectCaseSensitive(secret, "set");
		}
	}
	return status;
}

static enum cua_status get_secrets(struct request *request, struct cua_error *err)
{
	cJSON *list = NULL;
	enum cua_status status = list_secrets(&list, err);
	if (status == CUA_OK) {
		request_answer_page(request, list, "name");
	}
	return status;
}

static enum cua_status add_places(struct arguments *arguments, const char *option,
		const cJSON *places, struct cua_error *err)
{
	const cJSON *place = NULL;
	cJSON_ArrayForEach (place, places) {
		if (strlen(place->valuestring) > AGENT_SECRET_PLACE_BYTES_MAX) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0, "one %s has more than %d bytes",
					option, AGENT_SECRET_PLACE_BYTES_MAX);
		}
		arguments_add_option(arguments, option, place);
	}
	return CUA_OK;
}

/* The value goes by standard input: arguments stand in the list of processes. */
static enum cua_status set(const char *name, const cJSON *body, struct arguments *arguments,
		struct cua_error *err)
{
	const char *const first[] = { "cua", "secret", "set" };
	char input[AGENT_SECRET_VALUE_MAX + 2];
	const struct command command = { arguments->list, input, COMMAND_TIMEOUT_MS };
	for (size_t i = 0; i < CUA_ARRAY_LEN(first); i++) {
		arguments_add(arguments, first[i]);
	}
	if (strcmp(cua_json_text(body, "kind"), "api_key") == 0) {
		arguments_add(arguments, "--api-key");
	}
	enum cua_status status =
			add_places(arguments, "window", cua_json_member(body, "windows"), err);
	if (status == CUA_OK) {
		status = add_places(arguments, "origin", cua_json_member(body, "origins"), err);
	}
	arguments_add(arguments, "--");
	arguments_add(arguments, name);
	/* The command takes one line break at the end for its own. */
	snprintf(input, sizeof(input), "%s\n", cua_json_text(body, "value"));
	if (status == CUA_OK) {
		status = command_json(&command, CUA_ERR_IO, NULL, err);
	}
	sodium_memzero(input, sizeof(input));
	return status;
}

static enum cua_status put_secret(struct request *request, struct cua_error *err)
{
	const char *name = request->parameters[0];
	struct arguments *arguments = calloc(1, sizeof(*arguments));
	enum cua_status status = check_name(name, err);
	if (!arguments) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "arguments");
	}
	/* A text would end there, and part of a value be kept for the whole. */
	if (status == CUA_OK && strstr(request->bytes->data, "\\u0000")) {
		status = CUA_FAIL(err, CUA_ERR_INVAL, 0, "the value holds a NUL character");
	}
	if (status == CUA_OK) {
		status = set(name, request->body, arguments, err);
	}
	char *value = cJSON_GetStringValue(cua_json_member(request->body, "value"));
	sodium_memzero(value, strlen(value));
	sodium_memzero(request->bytes->data, request->bytes->len);
	free(arguments);
	return status;
}

static enum cua_status delete_secret(struct request *request, struct cua_error *err)
{
	const char *name = request->parameters[0];
	const char *const argv[] = { "cua", "secret", "remove", "--", name, NULL };
	const struct command command = { .argv = argv, .timeout_ms = COMMAND_TIMEOUT_MS };
	CUA_AUTO_JSON cJSON *list = NULL;
	const cJSON *secret = NULL;
	enum cua_status status = check_name(name, err);
	if (status == CUA_OK) {
		status = list_secrets(&list, err);
	}
	if (status != CUA_OK) {
		return status;
	}
	cJSON_ArrayForEach (secret, list) {
		if (strcmp(cua_json_text(secret, "name"), name) == 0) {
			return command_json(&command, CUA_ERR_IO, NULL, err);
		}
	}
	return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0, "there is no secret \"%s\"", name);
}

static const struct route table[] = {
	{ "GET", "/v1/secrets", "listSecrets", "Their names, and where they may be typed",
			SCOPE_WATCH, ROUTE_LIST, &list_query, NULL, &secret_answer, 0,
			get_secrets },
	{ "PUT", "/v1/secrets/{secret}", "setSecret", "Keeps a value, in place of one before",
			SCOPE_ADMIN, 0, NULL, &new_body, NULL, 0, put_secret },
	{ "DELETE", "/v1/secrets/{secret}", "deleteSecret", "Forgets it", SCOPE_ADMIN, 0, NULL,
			NULL, NULL, 0, delete_secret },
};
const struct routes secret_routes =
		ROUTES("secrets", "Passwords and keys, which no answer has", table);
