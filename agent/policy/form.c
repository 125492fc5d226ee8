/* A form is read anew for each command: most differ in their first word. Where getopt(3) leaves a
 * choice (abbreviated long options, options behind operands), what is not listed is not taken. */

#include "agent/policy/form.h"

#include <fnmatch.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "cua/base/json.h"

#define WORDS_MAX 128

struct form {
	char text[AGENT_FORM_MAX + 1];
	const char *words[WORDS_MAX];
	size_t count;
	size_t head; /* so many are the command itself: up to the last that stands for itself */
};

/* What one word of a command is. */
enum part { PART_NONE, PART_FLAG, PART_TAKES_NEXT, PART_OPERAND };

/* "ARG", "[ARG]", "ARG...", with what has to stand before it; "-" is one, too. */
static bool is_operand(const char *part)
{
	const char *at = strstr(part, "ARG");
	return strcmp(part, "-") == 0 ||
			(at &&
					(part[0] == '[' ? strcmp(at, "ARG]") == 0
							: strcmp(at, "ARG") == 0 ||
											strcmp(at, "ARG...") ==
													0));
}

static bool is_itself(const char *part)
{
	return part[0] != '-' && part[0] != '!' && part[0] != '[' && !is_operand(part);
}

static bool read_form(const char *text, struct form *form)
{
	char *next = form->text, *word = NULL;
	form->count = form->head = 0;
	snprintf(form->text, sizeof(form->text), "%s", text);
	while ((word = strsep(&next, " "))) {
		if (!word[0] || form->count == WORDS_MAX) {
			return false;
		}
		form->words[form->count++] = word;
		if (is_itself(word)) {
			form->head = form->count;
		}
	}
	return form->head > 0 && is_itself(form->words[0]);
}

/* "[abc]", "[abc]:", "[abc]::"; the length of the set, 0 if it is none. */
static size_t set_length(const char *text)
{
	const char *end = text[0] == '[' ? strchr(text, ']') : NULL;
	return end && end > text + 1 && strspn(end + 1, ":") == strlen(end + 1) && strlen(end) <= 3
			? (size_t)(end - text) + 1
			: 0;
}

static bool is_option(const char *part)
{
	return part[0] == '-' && part[1] && (part[1] != '[' || set_length(part + 1) > 0) &&
			!is_operand(part);
}

enum cua_status agent_form_check(const char *form, struct cua_error *err)
{
	struct form read;
	if (strlen(form) > AGENT_FORM_MAX) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "a form has at most %d bytes",
				AGENT_FORM_MAX);
	}
	if (!read_form(form, &read)) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0,
				"'%.40s' is no form: it begins with the command, one space stands "
				"between words, and there are at most %d",
				form, WORDS_MAX);
	}
	for (size_t i = read.head; i < read.count; i++) {
		const char *part = read.words[i];
		if (!is_option(part) && !is_operand(part) && !(part[0] == '!' && part[1])) {
			return CUA_FAIL(err, CUA_ERR_INVAL, 0,
					"'%.40s' of a form is no option (-*, -[abc], -[abc]:, "
					"--name, --name=), no !pattern and no ARG, [ARG] or ARG...",
					part);
		}
	}
	return CUA_OK;
}

/* --- options --- */

/* Letters that are written together, up to one that takes a value. */
static enum part take_letters(const struct form *form, const char *word)
{
	for (const char *at = word + 1; *at; at++) {
		const char letter[2] = { *at, '\0' };
		const char *colons = NULL;
		for (size_t i = form->head; i < form->count && !colons; i++) {
			char set[AGENT_FORM_MAX];
			const size_t len = form->words[i][0] == '-' ? set_length(form->words[i] + 1)
								    : 0;
			snprintf(set, sizeof(set), "%.*s", (int)len, form->words[i] + 1);
			if (len > 0 && fnmatch(set, letter, 0) == 0) {
				colons = form->words[i] + 1 + len;
			}
		}
		if (!colons) {
			return PART_NONE;
		}
		if (colons[0]) {
			return at[1] || colons[1] ? PART_FLAG : PART_TAKES_NEXT;
		}
	}
	return PART_FLAG;
}

/* By its whole name: "--name", "--name=value". */
static enum part take_name(const char *part, const char *word)
{
	const size_t len = strlen(part);
	const bool takes_value = part[len - 1] == '=';
	const size_t name_len = len - takes_value;
	if (part[1] == '[' || strncmp(part, word, name_len) != 0) {
		return PART_NONE;
	}
	return word[name_len] == '='             ? PART_FLAG
			: word[name_len] != '\0' ? PART_NONE
			: takes_value            ? PART_TAKES_NEXT
						 : PART_FLAG;
}

static enum part take_option(const struct form *form, const char *word)
{
	enum part found = PART_NONE;
	for (size_t i = form->head; i < form->count; i++) {
		const char *part = form->words[i];
		if (part[0] == '!' && fnmatch(part + 1, word, 0) == 0) {
			return PART_NONE;
		}
		if (strcmp(part, "-*") == 0) {
			found = PART_FLAG;
		} else if (part[0] == '-' && found == PART_NONE) {
			found = take_name(part, word);
		}
	}
	return found == PART_NONE ? take_letters(form, word) : found;
}

/* --- operands --- */

struct operands {
	size_t least, most;
};

static struct operands count_operands(const struct form *form)
{
	struct operands operands = { 0, 0 };
	bool is_endless = false;
	for (size_t i = form->head; i < form->count; i++) {
		const char *part = form->words[i];
		const bool is_one = is_operand(part) && !strstr(part, "...");
		is_endless = is_endless || (is_operand(part) && !is_one);
		operands.most += is_one;
		operands.least += is_one && part[0] != '[';
	}
	operands.most = is_endless ? SIZE_MAX : operands.most;
	return operands;
}

/* The index-th of a form, whose last may stand for more; NULL: it has none. */
static const char *operand_at(const struct form *form, size_t index)
{
	const char *last = NULL;
	for (size_t i = form->head; i < form->count; i++) {
		if (is_operand(form->words[i])) {
			last = form->words[i];
			if (index-- == 0) {
				return last;
			}
		}
	}
	return last && strstr(last, "...") ? last : NULL;
}

static bool take_operand(const struct form *form, size_t index, const char *word)
{
	const char *part = operand_at(form, index);
	if (!part || strcmp(part, "-") == 0) {
		return part && strcmp(word, "-") == 0;
	}
	part += part[0] == '[';
	return strncmp(part, word, (size_t)(strstr(part, "ARG") - part)) == 0;
}

/* --- commands --- */

/* "log|show": one of them. */
static bool is_one_of(const char *part, const char *word)
{
	const size_t len = strlen(word);
	while (part && len > 0) {
		if (strncmp(part, word, len) == 0 && (part[len] == '|' || part[len] == '\0')) {
			return true;
		}
		part = strchr(part, '|');
		part = part ? part + 1 : NULL;
	}
	return false;
}

/* May a shell make an option of this pattern of file names, or many words where one stands? */
static bool may_change(const cJSON *word, bool is_one)
{
	const char *text = cua_json_text(word, "text");
	return cJSON_IsTrue(cua_json_member(word, "is_pattern")) &&
			(is_one || strchr("*?[-", text[0]));
}

/* The word behind "-C" and its value, of the part "-C:"; else the same word. */
static const cJSON *take_value(const char *part, const cJSON *word)
{
	const size_t len = strlen(part) - 1;
	const char *text = cua_json_text(word, "text");
	const bool is_it = word && word->next && part[len] == ':' && strlen(text) == len &&
			strncmp(part, text, len) == 0 && !may_change(word->next, true) &&
			cua_json_text(word->next, "text")[0] != '-';
	return is_it ? word->next->next : word;
}

/* "[--no-pager]" and "[-C:]" may be missing, "=-b" must not. The first word behind the command
 * itself; *ret_is_head false: it is another. */
static const cJSON *take_head(const struct form *form, const cJSON *word, bool *ret_is_head)
{
	*ret_is_head = false;
	for (size_t i = 0; i < form->head; i++) {
		char part[AGENT_FORM_MAX];
		const char *text = form->words[i];
		const bool may_miss = text[0] == '[';
		snprintf(part, sizeof(part), "%.*s", (int)(strlen(text) - 2 * may_miss),
				text + (may_miss || text[0] == '='));
		const bool is_it = word && is_one_of(part, cua_json_text(word, "text"));
		if (!is_it && !may_miss) {
			return NULL;
		}
		word = is_it ? word->next : may_miss ? take_value(part, word) : word;
	}
	*ret_is_head = true;
	return word;
}

static enum part what_is(const struct form *form, const char *word)
{
	return word[0] != '-' || !word[1]         ? PART_OPERAND
			: strcmp(word, "--") == 0 ? PART_FLAG
						  : take_option(form, word);
}

/* Any option and any number of operands: whatever a shell makes of a pattern, it is one of them. */
static bool takes_all(const struct form *form)
{
	bool takes_all = false;
	for (size_t i = form->head; i < form->count; i++) {
		if (form->words[i][0] == '!') {
			return false;
		}
		takes_all = takes_all || strcmp(form->words[i], "-*") == 0;
	}
	return takes_all && count_operands(form).most == SIZE_MAX;
}

static bool take_words(const struct form *form, const cJSON *word)
{
	const struct operands operands = count_operands(form);
	const bool is_certain = takes_all(form);
	bool takes_value = false;
	size_t count = 0;
	for (; word; word = word->next) {
		const char *text = cua_json_text(word, "text");
		const enum part part = what_is(form, text);
		const bool is_one = takes_value || operands.most != SIZE_MAX;
		if (part == PART_NONE || (takes_value && part != PART_OPERAND) ||
				(!is_certain && may_change(word, is_one))) {
			return false;
		}
		if (part == PART_OPERAND && !takes_value && !take_operand(form, count++, text)) {
			return false;
		}
		takes_value = part == PART_TAKES_NEXT;
	}
	return !takes_value && count >= operands.least && count <= operands.most;
}

bool agent_form_matches(const char *text, const cJSON *words)
{
	struct form form;
	bool is_head = false;
	if (!read_form(text, &form)) {
		return false;
	}
	const cJSON *word = take_head(&form, words->child, &is_head);
	return is_head && take_words(&form, word);
}
