/* A server asks the person of a run (elicitation in form mode): consent first, then one answer
 * after another, each of the type that the form wants. Nothing secret: a form that asks for it is
 * declined unseen, and so is an answer that holds what cua keeps. */

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "agent/mcp/mcp_text.h"
#include "agent/run_internal.h"
#include "cua/base/json.h"
#include "cua/base/util.h"
#include "cua/contract/text.h"
#include "cua/contract/utf8.h"

#define FIELDS_MAX 8
#define CHOICES_MAX 20
#define TRIES_MAX 3
#define FORM_S 600 /* for all of it */
#define MESSAGE_CHARS 500
#define FIELD_CHARS 200
#define CHOICES_CHARS 300

struct form {
	struct agent_run *run;
	char who[100]; /* "The server papers" */
	char message[4 * (MESSAGE_CHARS + 1)];
	const cJSON *properties, *required;
	int count;
	uint64_t expires_us; /* a server is not to hold a run for ever */
};

/* --- what may not be asked for --- */

static bool is_letter(char byte)
{
	return isalpha((unsigned char)byte) != 0;
}

/* As a person sees it, whatever was put between its letters; whole. The caller owns it. */
static char *plain_of(const char *text)
{
	char *plain = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&plain, &size);
	if (!out) {
		return NULL;
	}
	cua_text_line(out, text, 0);
	if (fclose(out) != 0) {
		free(plain);
		return NULL;
	}
	return plain;
}

/* Short ones are parts of other words, too; long ones stand in user_password and clientSecret. One
 * declined too many costs less than one password. */
static bool names_a_secret(const char *shown)
{
	static const char *const parts[] = { "password", "passwd", "passphrase", "passcode",
		"secret", "token", "credential", "api key", "api_key", "apikey", "api-key",
		"private key", "private_key", "privatekey", "one-time code", "verification code",
		"card number", "social security" };
	static const char *const words[] = { "pin", "otp", "cvv", "cvc" };
	CUA_AUTO_FREE char *text = plain_of(shown);
	if (!text) {
		return true;
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(parts); i++) {
		if (strcasestr(text, parts[i])) {
			return true;
		}
	}
	for (size_t i = 0; i < CUA_ARRAY_LEN(words); i++) {
		const char *at = strcasestr(text, words[i]);
		for (; at; at = strcasestr(at + 1, words[i])) {
			if ((at == text || !is_letter(at[-1])) &&
					!is_letter(at[strlen(words[i])])) {
				return true;
			}
		}
	}
	return false;
}

static bool asks_for_secrets(const struct form *form, const char *message)
{
	const cJSON *field = NULL;
	bool does = names_a_secret(message);
	cJSON_ArrayForEach (field, form->properties) {
		does = does || names_a_secret(field->string) ||
				names_a_secret(cua_json_text(field, "title")) ||
				names_a_secret(cua_json_text(field, "description")) ||
				names_a_secret(cua_json_text(field, "format"));
	}
	return does;
}

/* --- one field --- */

static bool is_type(const cJSON *field, const char *type)
{
	return strcmp(cua_json_text(field, "type"), type) == 0;
}

/* A list of strings, or of {"const", "title"}. */
static const cJSON *choices_of(const cJSON *field)
{
	const cJSON *choices = cua_json_member(field, "enum");
	return choices ? choices : cua_json_member(field, "oneOf");
}

static const char *choice_text(const cJSON *choice)
{
	return cJSON_IsString(choice) ? choice->valuestring : cua_json_text(choice, "const");
}

/* Flat, and of the types that a line can answer. */
static bool can_be_asked(const cJSON *field)
{
	const cJSON *choices = choices_of(field), *choice = NULL;
	cJSON_ArrayForEach (choice, choices) {
		if (!choice_text(choice)[0]) {
			return false;
		}
	}
	return cJSON_GetArraySize(choices) <= CHOICES_MAX &&
			(is_type(field, "string") || is_type(field, "number") ||
					is_type(field, "integer") || is_type(field, "boolean"));
}

static cJSON *read_boolean(const char *said)
{
	static const char *const yes[] = { "y", "yes", "true" },
				 *const no[] = { "n", "no", "false" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(yes); i++) {
		if (strcasecmp(said, yes[i]) == 0 || strcasecmp(said, no[i]) == 0) {
			return cJSON_CreateBool(strcasecmp(said, yes[i]) == 0);
		}
	}
	return NULL;
}

static cJSON *read_number(const cJSON *field, const char *said)
{
	char *end = NULL;
	errno = 0;
	const double number = strtod(said, &end);
	const cJSON *least = cua_json_member(field, "minimum"),
		    *most = cua_json_member(field, "maximum");
	const bool fits = errno == 0 && end != said && !*end && isfinite(number) &&
			(!is_type(field, "integer") || number == floor(number)) &&
			(!cJSON_IsNumber(least) || number >= least->valuedouble) &&
			(!cJSON_IsNumber(most) || number <= most->valuedouble);
	return fits ? cJSON_CreateNumber(number) : NULL;
}

static double count_characters(const char *text)
{
	double count = 0;
	for (; *text; text++) {
		count += ((unsigned char)*text & 0xc0) != 0x80;
	}
	return count;
}

static cJSON *read_string(const cJSON *field, const char *said)
{
	const cJSON *choices = choices_of(field), *choice = NULL;
	const cJSON *least = cua_json_member(field, "minLength"),
		    *most = cua_json_member(field, "maxLength");
	cJSON_ArrayForEach (choice, choices) {
		if (strcasecmp(choice_text(choice), said) == 0) {
			return cJSON_CreateString(choice_text(choice));
		}
	}
	const double len = count_characters(said);
	return choices || cua_utf8_check(said, strlen(said), NULL) != CUA_OK ||
					(cJSON_IsNumber(least) && len < least->valuedouble) ||
					(cJSON_IsNumber(most) && len > most->valuedouble)
			? NULL
			: cJSON_CreateString(said);
}

static cJSON *read_answer(const cJSON *field, const char *said)
{
	return is_type(field, "boolean")           ? read_boolean(said)
			: is_type(field, "string") ? read_string(field, said)
						   : read_number(field, said);
}

/* "yes or no", "one of: red, green", "an integer from 0 to 150", with what stands there already. */
static void spell_type(const cJSON *field, char *text, size_t size)
{
	const cJSON *choices = choices_of(field), *choice = NULL;
	const cJSON *least = cua_json_member(field, "minimum"),
		    *most = cua_json_member(field, "maximum");
	size_t len = (size_t)snprintf(text, size, "%s",
			choices                                     ? "one of: "
					: is_type(field, "boolean") ? "yes or no"
					: is_type(field, "integer") ? "an integer"
					: is_type(field, "number")  ? "a number"
								    : "a text");
	cJSON_ArrayForEach (choice, choices) {
		if (len < size) {
			len += (size_t)snprintf(text + len, size - len, "%s%s",
					choice == choices->child ? "" : ", ", choice_text(choice));
		}
	}
	if (cJSON_IsNumber(least) && len < size) {
		len += (size_t)snprintf(text + len, size - len, " from %g", least->valuedouble);
	}
	if (cJSON_IsNumber(most) && len < size) {
		snprintf(text + len, size - len, " to %g", most->valuedouble);
	}
}

static bool is_required(const struct form *form, const char *name)
{
	const cJSON *item = NULL;
	cJSON_ArrayForEach (item, form->required) {
		if (cJSON_IsString(item) && strcmp(item->valuestring, name) == 0) {
			return true;
		}
	}
	return false;
}

/* The owned line that the person typed, without what cua keeps in it; NULL: none. */
static char *ask(const struct form *form, const char *question)
{
	const struct cua_agent_options *options = form->run->options;
	char *said = options->ask(form->who, question, form->expires_us, options->user_data);
	CUA_AUTO_FREE char *hidden = said ? run_hide(form->run, said) : NULL;
	if (said && (!hidden || strcmp(said, hidden) != 0)) {
		free(said);
		return NULL;
	}
	return said;
}

/* False to decline all of it. A field without an answer that need not have one is left out. */
static bool ask_field(const struct form *form, const cJSON *field, int number, cJSON *content)
{
	const char *title = cua_json_text(field, "title"), *wrong = "";
	char type[4 * CHOICES_CHARS], label[4 * (FIELD_CHARS + 1)], more[4 * (FIELD_CHARS + 1)];
	spell_type(field, type, sizeof(type));
	mcp_text_line(label, sizeof(label), title[0] ? title : field->string);
	mcp_text_line(more, sizeof(more), cua_json_text(field, "description"));
	for (int i = 0; i < TRIES_MAX; i++) {
		CUA_AUTO_FREE char *question = NULL;
		if (asprintf(&question, "%s%d of %d: %s%s%s (%s)%s", wrong, number, form->count,
				    label, more[0] ? ", " : "", more, type,
				    is_required(form, field->string) ? "" : ", if you like") < 0) {
			question = NULL;
			return false;
		}
		CUA_AUTO_FREE char *said = ask(form, question);
		if (!said) {
			return !is_required(form, field->string);
		}
		cJSON *answer = read_answer(field, said);
		if (answer) {
			return cJSON_AddItemToObject(content, field->string, answer);
		}
		wrong = "That is none. ";
	}
	return false;
}

/* --- the form --- */

static bool consents(const struct form *form)
{
	char question[sizeof(form->message) + 200];
	snprintf(question, sizeof(question),
			"%s  [%d answer%s would go to this server: nothing secret. Type yes to go "
			"on]",
			form->message, form->count, form->count == 1 ? "" : "s");
	CUA_AUTO_FREE char *said = ask(form, question);
	CUA_AUTO_JSON cJSON *answer = said ? read_boolean(said) : NULL;
	return cJSON_IsTrue(answer);
}

static cJSON *fill(const struct form *form)
{
	const cJSON *field = NULL;
	int number = 0;
	cJSON *content = cJSON_CreateObject();
	bool is_well = content && consents(form);
	cJSON_ArrayForEach (field, form->properties) {
		is_well = is_well && ask_field(form, field, ++number, content);
	}
	if (!is_well) {
		cJSON_Delete(content);
		return NULL;
	}
	return content;
}

cJSON *run_elicit(struct agent_run *run, const struct agent_call *call, const char *server,
		const cJSON *params)
{
	const cJSON *schema = cua_json_member(params, "requestedSchema"), *field = NULL;
	const uint64_t begun_us = cua_now_us();
	struct form form = { .run = run,
		.expires_us = run_expiry(run, begun_us, FORM_S),
		.properties = cua_json_member(schema, "properties"),
		.required = cua_json_member(schema, "required") };
	form.count = cJSON_GetArraySize(form.properties);
	snprintf(form.who, sizeof(form.who), "The server %.64s", server);
	mcp_text_line(form.message, sizeof(form.message), cua_json_text(params, "message"));
	const bool has_secrets = asks_for_secrets(&form, cua_json_text(params, "message"));
	bool can_be = form.count <= FIELDS_MAX && !has_secrets;
	cJSON_ArrayForEach (field, form.properties) {
		can_be = can_be && can_be_asked(field);
	}
	cJSON *content = can_be ? fill(&form) : NULL;
	const char *answer = content                      ? "accepted"
			: has_secrets                     ? "secret"
			: !can_be                         ? "not_asked"
			: cua_now_us() >= form.expires_us ? "unanswered"
							  : "declined";
	(void)run_note_elicitation(run, call, server, form.message, answer,
			(double)(cua_now_us() - begun_us) / 1000.0);
	if (run->is_over) { /* it cannot be written down */
		cJSON_Delete(content);
		return NULL;
	}
	return content;
}
