#include "demos/standin/script.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"
#include "demos/standin/value.h"

enum value_kind {
	VALUE_NONE,
	VALUE_TEXT,
	VALUE_TEXTS, /* a text or a list of texts */
	VALUE_INTEGER,
	VALUE_POINT,  /* [x, y] */
	VALUE_PATH,   /* [[x, y], ...] */
	VALUE_ANCHOR, /* text; sets relation as well */
	VALUE_BUTTON,
	VALUE_FLAG,
};

enum option_bit {
	OPT_WITHIN = 1 << 0,
	OPT_PLACE = 1 << 1, /* nth, near, below, above, right_of, left_of */
	OPT_OFFSET = 1 << 2,
	OPT_COUNT = 1 << 3,
	OPT_BUTTON = 1 << 4,
	OPT_KEYS = 1 << 5,
	OPT_BY = 1 << 6,
	OPT_TO = 1 << 7,
	OPT_AT = 1 << 8,
	OPT_UNTIL = 1 << 9,
	OPT_PATH = 1 << 10,
	OPT_BATCH = 1 << 11,  /* of all that act */
	OPT_ALWAYS = 1 << 12, /* as, say, times */
};

#define OPTS_TARGET (OPT_WITHIN | OPT_PLACE | OPT_OFFSET)

static const struct word_spec {
	const char *name;
	enum value_kind kind;
	unsigned options;
	const char *help;
} words[SCRIPT_WORD_COUNT] = {
	[SCRIPT_SAY] = { "say", VALUE_TEXT, 0, "tell the person something with the next action" },
	[SCRIPT_OPEN_APP] = { "open_app", VALUE_TEXT, 0, "start an application" },
	[SCRIPT_SWITCH_APP] = { "switch_app", VALUE_TEXT, 0, "bring an application to the front" },
	[SCRIPT_OPEN_URL] = { "open_url", VALUE_TEXT, 0, "open an address in the browser" },
	[SCRIPT_SEE] = { "see", VALUE_TEXTS, OPT_WITHIN, "wait until all the texts are there" },
	[SCRIPT_WAIT_FOR] = { "wait_for", VALUE_TEXTS, OPT_WITHIN, "wait until one of them is" },
	[SCRIPT_GONE] = { "gone", VALUE_TEXTS, OPT_WITHIN, "wait until none of them is" },
	[SCRIPT_EXPECT] = { "expect", VALUE_TEXTS, 0, "the texts are there now, or it fails" },
	[SCRIPT_CLICK_TEXT] = { "click_text", VALUE_TEXT,
			OPTS_TARGET | OPT_COUNT | OPT_BUTTON | OPT_KEYS | OPT_BATCH,
			"click on a text" },
	[SCRIPT_CLICK_AT] = { "click_at", VALUE_POINT,
			OPT_COUNT | OPT_BUTTON | OPT_KEYS | OPT_BATCH,
			"click at [x, y], for places where no text can be" },
	[SCRIPT_DRAG_TEXT] = { "drag_text", VALUE_TEXT,
			OPTS_TARGET | OPT_BY | OPT_TO | OPT_KEYS | OPT_BATCH, "drag from a text" },
	[SCRIPT_DRAW] = { "draw", VALUE_TEXT, OPTS_TARGET | OPT_PATH | OPT_BATCH,
			"drag along a path given from a text" },
	[SCRIPT_SCROLL] = { "scroll", VALUE_INTEGER, OPT_WITHIN | OPT_AT | OPT_UNTIL | OPT_BATCH,
			"scroll by pixels, down is positive" },
	[SCRIPT_TYPE] = { "type", VALUE_TEXT, OPT_BATCH, "type a text" },
	[SCRIPT_KEY] = { "key", VALUE_TEXT, OPT_COUNT | OPT_BATCH, "press a key or a chord" },
	[SCRIPT_CLIPBOARD_SET] = { "clipboard_set", VALUE_TEXT, 0, "put a text on the clipboard" },
	[SCRIPT_CLIPBOARD_IS] = { "clipboard_is", VALUE_TEXT, 0,
			"the clipboard holds this text, or it fails" },
	[SCRIPT_CALL] = { "call", VALUE_TEXT, OPT_BATCH,
			"a call in the API's own JSON, sense or nonsense" },
	[SCRIPT_FAULT] = { "fault", VALUE_TEXT, 0, "what goes wrong with the next answer" },
	[SCRIPT_DONE] = { "done", VALUE_TEXT, 0, "end; the text is the final answer" },
};

#define FIELD(member) offsetof(struct script_step, member)

static const struct option_spec {
	const char *name;
	enum value_kind kind;
	unsigned bit;
	int min, max;
	size_t offset;
	enum script_relation relation;
} options[] = {
	{ "within", VALUE_INTEGER, OPT_WITHIN, 0, 600, FIELD(within_s), 0 },
	{ "nth", VALUE_INTEGER, OPT_PLACE, 1, 99, FIELD(nth), 0 },
	{ "near", VALUE_ANCHOR, OPT_PLACE, 0, 0, FIELD(anchor), SCRIPT_NEAR },
	{ "below", VALUE_ANCHOR, OPT_PLACE, 0, 0, FIELD(anchor), SCRIPT_BELOW },
	{ "above", VALUE_ANCHOR, OPT_PLACE, 0, 0, FIELD(anchor), SCRIPT_ABOVE },
	{ "right_of", VALUE_ANCHOR, OPT_PLACE, 0, 0, FIELD(anchor), SCRIPT_RIGHT_OF },
	{ "left_of", VALUE_ANCHOR, OPT_PLACE, 0, 0, FIELD(anchor), SCRIPT_LEFT_OF },
	{ "dx", VALUE_INTEGER, OPT_OFFSET, -10000, 10000, FIELD(dx), 0 },
	{ "dy", VALUE_INTEGER, OPT_OFFSET, -10000, 10000, FIELD(dy), 0 },
	{ "count", VALUE_INTEGER, OPT_COUNT, 1, 50, FIELD(count), 0 },
	{ "button", VALUE_BUTTON, OPT_BUTTON, 0, 0, FIELD(button), 0 },
	{ "keys", VALUE_TEXT, OPT_KEYS, 0, 0, FIELD(keys), 0 },
	{ "by", VALUE_POINT, OPT_BY, -10000, 10000, FIELD(by), 0 },
	{ "to", VALUE_TEXT, OPT_TO, 0, 0, FIELD(to), 0 },
	{ "at", VALUE_TEXT, OPT_AT, 0, 0, FIELD(at), 0 },
	{ "until", VALUE_TEXT, OPT_UNTIL, 0, 0, FIELD(until), 0 },
	{ "path", VALUE_PATH, OPT_PATH, -10000, 10000, FIELD(path), 0 },
	{ "batch", VALUE_FLAG, OPT_BATCH, 0, 0, FIELD(batch), 0 },
	{ "times", VALUE_INTEGER, OPT_ALWAYS, 1, 1000000, FIELD(times), 0 },
	{ "as", VALUE_TEXT, OPT_ALWAYS, 0, 0, FIELD(as), 0 },
	{ "say", VALUE_TEXT, OPT_ALWAYS, 0, 0, FIELD(say), 0 },
};

static enum cua_status read_option(struct script_parser *parser, const struct option_spec *option,
		const yaml_node_t *node, struct script_step *step)
{
	void *field = (char *)step + option->offset;
	switch (option->kind) {
	case VALUE_INTEGER:
		return script_read_integer(parser, node, option->min, option->max, field);
	case VALUE_POINT:
		step->has_by = true;
		return script_read_point(parser, node, option->min, field);
	case VALUE_PATH:
		return script_read_path(parser, node, field);
	case VALUE_FLAG:
		return script_read_flag(parser, node, field);
	case VALUE_BUTTON:
		return script_read_button(parser, node, field);
	case VALUE_ANCHOR:
		if (step->relation != SCRIPT_ANYWHERE) {
			return script_fail(parser, node,
					"takes only one of near, below, above, right_of, "
					"left_of");
		}
		step->relation = option->relation;
		return script_read_text(parser, node, field);
	default:
		return script_read_text(parser, node, field);
	}
}

static enum cua_status read_fault(
		struct script_parser *parser, const yaml_node_t *node, struct script_step *step)
{
	struct cua_error why;
	step->fault = calloc(1, sizeof(*step->fault));
	if (!step->fault) {
		return CUA_FAIL(parser->err, CUA_ERR_NOMEM, ENOMEM, "script");
	}
	return fault_parse(script_step_text(step), step->fault, &why) == CUA_OK
			? CUA_OK
			: script_fail(parser, node, "%s", why.msg);
}

static enum cua_status read_value(struct script_parser *parser, const struct word_spec *word,
		const yaml_node_t *node, struct script_step *step)
{
	switch (word->kind) {
	case VALUE_INTEGER:
		return script_read_integer(parser, node, -10000, 10000, &step->number);
	case VALUE_POINT:
		return script_read_point(parser, node, 0, &step->point);
	default:
		return script_read_texts(parser, node, word->kind == VALUE_TEXTS, &step->texts);
	}
}

static const struct option_spec *find_option(const char *name, unsigned allowed)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(options); i++) {
		if (strcmp(options[i].name, name) == 0 && options[i].bit & allowed) {
			return &options[i];
		}
	}
	return NULL;
}

static void list_options(const struct word_spec *word, char *out, size_t size)
{
	size_t len = 0;
	out[0] = '\0';
	for (size_t i = 0; i < CUA_ARRAY_LEN(options); i++) {
		if (options[i].bit & (word->options | OPT_ALWAYS) && len < size) {
			len += (size_t)snprintf(out + len, size - len, "%s%s", len ? ", " : "",
					options[i].name);
		}
	}
}

/* Rules between options, which the tables cannot say. */
static enum cua_status check_step(struct script_parser *parser, const yaml_node_t *node,
		const struct script_step *step)
{
	if (step->word == SCRIPT_DRAG_TEXT && step->has_by == (step->to != NULL)) {
		return script_fail(parser, node, "needs one of 'by: [dx, dy]' and 'to: text'");
	}
	if (step->word == SCRIPT_DRAW && !step->path.count) {
		return script_fail(parser, node, "needs 'path: [[dx, dy], ...]'");
	}
	if (step->word == SCRIPT_CLICK_TEXT || step->word == SCRIPT_CLICK_AT) {
		if (step->count > 2) {
			return script_fail(parser, node,
					"count is %d; a model can click once or twice",
					step->count);
		}
		if (step->count == 2 && step->button && strcmp(step->button, "left") != 0) {
			return script_fail(
					parser, node, "a double click has no button but the left");
		}
	}
	if (step->word == SCRIPT_CALL) {
		CUA_AUTO_JSON cJSON *call = cJSON_Parse(script_step_text(step));
		if (!cJSON_IsObject(call)) {
			return script_fail(parser, node, "needs a JSON object");
		}
	}
	if (step->nth && step->relation != SCRIPT_ANYWHERE) {
		return script_fail(parser, node, "takes nth or a relation such as near, not both");
	}
	if (words[step->word].kind != VALUE_INTEGER && words[step->word].kind != VALUE_POINT &&
			step->word != SCRIPT_TYPE && step->word != SCRIPT_CLIPBOARD_SET) {
		for (int i = 0; i < step->texts.count; i++) {
			if (!step->texts.items[i][0]) {
				return script_fail(parser, node, "the text is empty");
			}
		}
	}
	return CUA_OK;
}

static enum cua_status read_word(
		struct script_parser *parser, const yaml_node_t *node, enum script_word *ret_word)
{
	if (node->type != YAML_SCALAR_NODE) {
		return script_fail(parser, node, "a step begins with a word such as click_text");
	}
	for (int i = 0; i < SCRIPT_WORD_COUNT; i++) {
		if (strcmp(words[i].name, script_scalar(node)) == 0) {
			*ret_word = (enum script_word)i;
			return CUA_OK;
		}
	}
	return script_fail(parser, node, "there is no step word '%.40s'; see cua-standin --words",
			script_scalar(node));
}

/* A step is a mapping: its first key is the word, the others are options. */
static enum cua_status read_step(
		struct script_parser *parser, const yaml_node_t *node, struct script_step *step)
{
	parser->word = NULL;
	if (node->type != YAML_MAPPING_NODE ||
			node->data.mapping.pairs.top == node->data.mapping.pairs.start) {
		return script_fail(parser, node, "a step is written '- word: value'");
	}
	const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	enum cua_status status = read_word(parser, script_node_at(parser, pair->key), &step->word);
	if (status != CUA_OK) {
		return status;
	}
	const struct word_spec *word = &words[step->word];
	parser->word = word->name;
	step->line = (int)node->start_mark.line + 1;
	step->within_s = -1;
	step->count = 1;
	step->times = 1;
	status = read_value(parser, word, script_node_at(parser, pair->value), step);
	if (status == CUA_OK && step->word == SCRIPT_FAULT) {
		status = read_fault(parser, script_node_at(parser, pair->value), step);
	}
	for (pair++; status == CUA_OK && pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = script_node_at(parser, pair->key);
		const char *name =
				key->type == YAML_SCALAR_NODE ? script_scalar(key) : "(not a word)";
		const struct option_spec *option = find_option(name, word->options | OPT_ALWAYS);
		if (!option) {
			char known[256];
			list_options(word, known, sizeof(known));
			return script_fail(parser, key, "there is no option '%.40s'; it takes %s",
					name, known);
		}
		status = read_option(parser, option, script_node_at(parser, pair->value), step);
	}
	return status == CUA_OK ? check_step(parser, node, step) : status;
}

static enum cua_status read_steps(
		struct script_parser *parser, const yaml_node_t *node, struct script *script)
{
	if (node->type != YAML_SEQUENCE_NODE) {
		return script_fail(parser, node, "'steps' is a list");
	}
	ptrdiff_t count = node->data.sequence.items.top - node->data.sequence.items.start;
	if (count < 1 || count > SCRIPT_STEPS_MAX) {
		return script_fail(parser, node, "a script has 1 to %d steps", SCRIPT_STEPS_MAX);
	}
	script->steps = calloc((size_t)count, sizeof(*script->steps));
	if (!script->steps) {
		return CUA_FAIL(parser->err, CUA_ERR_NOMEM, ENOMEM, "script");
	}
	for (int i = 0; i < count; i++) {
		const yaml_node_t *item =
				script_node_at(parser, node->data.sequence.items.start[i]);
		script->step_count = i + 1; /* a half-read step is released too */
		enum cua_status status = read_step(parser, item, &script->steps[i]);
		if (status != CUA_OK) {
			return status;
		}
		if ((script->steps[i].word == SCRIPT_DONE) != (i == count - 1)) {
			return script_fail(
					parser, item, "'done' is the last step and only the last");
		}
	}
	parser->word = NULL;
	return CUA_OK;
}

static enum cua_status read_root(struct script_parser *parser, struct script *script)
{
	const yaml_node_t *root = yaml_document_get_root_node(&parser->document);
	if (!root || root->type != YAML_MAPPING_NODE) {
		return script_fail(parser, root, "a script has 'task' and 'steps'");
	}
	for (const yaml_node_pair_t *pair = root->data.mapping.pairs.start;
			pair < root->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = script_node_at(parser, pair->key);
		const char *name = key->type == YAML_SCALAR_NODE ? script_scalar(key) : "";
		const yaml_node_t *value = script_node_at(parser, pair->value);
		enum cua_status status = CUA_OK;
		if (strcmp(name, "task") == 0) {
			status = script_read_text(parser, value, &script->task);
		} else if (strcmp(name, "give_up") == 0) {
			status = script_read_text(parser, value, &script->give_up);
		} else if (strcmp(name, "steps") == 0 && !script->steps) {
			status = read_steps(parser, value, script);
		} else {
			return script_fail(parser, key,
					"'%.40s' is not 'task', 'give_up' or 'steps'", name);
		}
		if (status != CUA_OK) {
			return status;
		}
	}
	if (!script->task || !script->steps) {
		return script_fail(
				parser, root, "'%s' is missing", script->task ? "steps" : "task");
	}
	return CUA_OK;
}

enum cua_status script_parse(const char *name, const char *text, size_t len,
		struct script **ret_script, struct cua_error *err)
{
	struct script_parser parser = { .name = name, .err = err };
	yaml_parser_t yaml;
	if (!yaml_parser_initialize(&yaml)) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "YAML parser");
	}
	yaml_parser_set_input_string(&yaml, (const unsigned char *)text, len);
	if (!yaml_parser_load(&yaml, &parser.document)) {
		cua_error_set(err, CUA_ERR_INVAL, 0, "%s: line %zu: %s%s%s", name,
				yaml.problem_mark.line + 1,
				yaml.problem ? yaml.problem : "bad YAML", yaml.context ? " " : "",
				yaml.context ? yaml.context : "");
		yaml_parser_delete(&yaml);
		return CUA_ERR_INVAL;
	}
	struct script *script = calloc(1, sizeof(*script));
	enum cua_status status = script ? read_root(&parser, script)
					: CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "script");
	yaml_document_delete(&parser.document);
	yaml_parser_delete(&yaml);
	if (status != CUA_OK) {
		script_destroy(script);
		return status;
	}
	*ret_script = script;
	return CUA_OK;
}

enum cua_status script_load(const char *path, struct script **ret_script, struct cua_error *err)
{
	FILE *file = fopen(path, "re");
	if (!file) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, errno, "script %s", path);
	}
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, SCRIPT_BYTES_MAX);
	enum cua_status status = CUA_OK;
	char piece[4096];
	size_t got;
	while (status == CUA_OK && (got = fread(piece, 1, sizeof(piece), file)) > 0) {
		status = cua_buffer_append(&text, piece, got, err);
	}
	bool bad = ferror(file) != 0;
	fclose(file);
	if (bad) {
		return CUA_FAIL(err, CUA_ERR_IO, EIO, "script %s", path);
	}
	return status == CUA_OK
			? script_parse(path, text.data ? text.data : "", text.len, ret_script, err)
			: status;
}

void script_destroy(struct script *script)
{
	if (!script) {
		return;
	}
	for (int i = 0; i < script->step_count; i++) {
		struct script_step *step = &script->steps[i];
		for (int j = 0; j < step->texts.count; j++) {
			free(step->texts.items[j]);
		}
		char *const owned[] = { step->anchor, step->button, step->keys, step->to, step->at,
			step->until, step->as, step->say };
		for (size_t j = 0; j < CUA_ARRAY_LEN(owned); j++) {
			free(owned[j]);
		}
		free(step->texts.items);
		free(step->path.points);
		free(step->fault);
	}
	free(script->steps);
	free(script->task);
	free(script->give_up);
	free(script);
}

const char *script_word_name(enum script_word word)
{
	return words[word].name;
}

const char *script_step_text(const struct script_step *step)
{
	return step->texts.count ? step->texts.items[0] : "";
}

void script_print_words(FILE *out)
{
	for (int i = 0; i < SCRIPT_WORD_COUNT; i++) {
		char known[256];
		list_options(&words[i], known, sizeof(known));
		fprintf(out, "%-14s %s\n%-14s options: %s\n", words[i].name, words[i].help, "",
				known);
	}
}
