#include "agent/policy/command.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "cua/base/json.h"
#include "cua/base/util.h"

#define LINE_MAX_LEN 16384
#define COMMANDS_MAX 64

/* The tokens of a shell that mean the same to everybody, one group for each kind. What is none of
 * them makes the line one that cannot be taken apart. */
static const char tokens[] =
		"([ \\t]+)"                                    /* 1: space */
		"|(&&|\\|\\||[;|\\n])"                         /* 2: between commands */
		"|([012]?>&[12](?=[ \\t;|&\\n<>]|$))"          /* 3: one output into the other */
		"|([012]?>>?|<)(?![<>&|(])"                    /* 4: redirection, a word follows */
		"|((?:[\\p{L}\\p{M}\\p{N}_@%+=:,./^*?\\[\\]-]" /* 5: word */
		"|(?<=[\\p{L}\\p{N}_])~|(?<![^ \\t\\n;|&<>])~(?=[/ \\t\\n;|&<>]|$)"
		"|'[^'\\n]*'|\"[^\"$`\\\\!\\n]*\")+)";

enum token { TOKEN_NONE, TOKEN_SPACE, TOKEN_BETWEEN, TOKEN_JOIN, TOKEN_REDIRECT, TOKEN_WORD };

/* Words that do something else than run a command of their name, where one begins. */
static const char *const reserved[] = { "!", "[[", "case", "coproc", "do", "done", "elif", "else",
	"esac", "fi", "for", "function", "if", "in", "select", "then", "time", "until", "while" };

struct splitter {
	pcre2_code *code;
	pcre2_match_data *match;
	cJSON *commands; /* owned */
	cJSON *command;  /* the last of them; NULL between commands */
	bool is_target;  /* the next word is that of a redirection */
	bool is_output;  /* which writes there */
	const char *home;
};

/* --- words --- */

/* Without its quotes. */
static char *unquote(const char *token, size_t len)
{
	char *word = malloc(len + 1), quote = '\0';
	size_t to = 0;
	for (size_t i = 0; word && i < len; i++) {
		if (quote ? token[i] == quote : token[i] == '\'' || token[i] == '"') {
			quote = quote ? '\0' : token[i];
		} else {
			word[to++] = token[i];
		}
	}
	if (word) {
		word[to] = '\0';
	}
	return word;
}

/* A pattern of file names, outside of quotes. */
static bool is_pattern(const char *token, size_t len)
{
	char quote = '\0';
	for (size_t i = 0; i < len; i++) {
		if (quote ? token[i] == quote : token[i] == '\'' || token[i] == '"') {
			quote = quote ? '\0' : token[i];
		} else if (!quote && strchr("*?[", token[i])) {
			return true;
		}
	}
	return false;
}

/* A command's name that a pattern of file names, an assignment or a keyword may make another. */
static bool is_name(const char *token, size_t len, const char *word)
{
	for (size_t i = 0; i < CUA_ARRAY_LEN(reserved); i++) {
		if (strcmp(word, reserved[i]) == 0) {
			return false;
		}
	}
	return word[0] && !memchr(token, '*', len) && !memchr(token, '?', len) &&
			!memchr(token, '[', len) && !memchr(token, '=', len);
}

/* What the word is to those who open files: "~" and "~/x" are the home, "'~'" is a name. NULL if
 * the home is not known, or memory runs out. */
static char *expand_home(const struct splitter *splitter, const char *token, const char *word)
{
	char *path = NULL;
	const bool is_home = token[0] == '~';
	if (word[0] != '~' || (is_home && !splitter->home)) {
		return is_home ? NULL : strdup(word);
	}
	return asprintf(&path, "%s%s", is_home ? splitter->home : "./", word + is_home) >= 0 ? path
											     : NULL;
}

static bool append_text(cJSON *command, const char *name, const char *word)
{
	const char *before = cua_json_text(command, name);
	const size_t size = strlen(before) + strlen(word) + 2;
	CUA_AUTO_FREE char *text = malloc(size);
	if (!text) {
		return false;
	}
	strcpy(text, before);
	strcat(text, before[0] ? " " : "");
	strcat(text, word);
	cJSON_DeleteItemFromObjectCaseSensitive(command, name);
	return cJSON_AddStringToObject(command, name, text) != NULL;
}

static bool add_path(cJSON *command, const char *list, const char *path)
{
	return cJSON_AddItemToArray(cua_json_member(command, list), cJSON_CreateString(path));
}

/* Every word may name a file; so may what stands in an option or an assignment: "--output=x",
 * "-o/etc/x", "-xC.ssh", "if=x". */
static bool add_if_path(cJSON *command, const char *word, bool is_pattern)
{
	const char *list = is_pattern || !strpbrk(word, "*?[") ? "paths" : "names";
	const char *value = strchr(word, '='), *inside = strpbrk(word, "./");
	const char *path = value ? value + 1 : word[0] == '-' ? inside : NULL;
	return (word[0] == '-' || !word[0] || add_path(command, list, word)) &&
			(!path || !path[0] || add_path(command, list, path));
}

static bool add_word(cJSON *command, const char *text, bool is_pattern)
{
	cJSON *word = cJSON_CreateObject();
	return cJSON_AddItemToArray(cua_json_member(command, "words"), word) &&
			cJSON_AddStringToObject(word, "text", text) &&
			cJSON_AddBoolToObject(word, "is_pattern", is_pattern);
}

/* What is written there is lost, or seen by who sees the rest. */
static bool is_nowhere(const char *path)
{
	static const char *const paths[] = { "/dev/null", "/dev/stdout", "/dev/stderr" };
	for (size_t i = 0; i < CUA_ARRAY_LEN(paths); i++) {
		if (strcmp(path, paths[i]) == 0) {
			return true;
		}
	}
	return false;
}

static bool add_target(cJSON *command, const char *path, bool is_output)
{
	return add_path(command, "paths", path) &&
			(!is_output || is_nowhere(path) ||
					cJSON_AddItemToArray(cua_json_member(command, "writes"),
							cJSON_CreateString(path)));
}

static bool begin_command(struct splitter *splitter)
{
	if (cJSON_GetArraySize(splitter->commands) == COMMANDS_MAX) {
		return false;
	}
	splitter->command = cJSON_CreateObject();
	return cJSON_AddItemToArray(splitter->commands, splitter->command) &&
			cJSON_AddArrayToObject(splitter->command, "paths") &&
			cJSON_AddArrayToObject(splitter->command, "names") &&
			cJSON_AddArrayToObject(splitter->command, "writes") &&
			cJSON_AddArrayToObject(splitter->command, "words");
}

static bool take_word(struct splitter *splitter, const char *token, size_t len)
{
	CUA_AUTO_FREE char *word = unquote(token, len);
	CUA_AUTO_FREE char *path = word ? expand_home(splitter, token, word) : NULL;
	if (!path || (!splitter->command && !begin_command(splitter))) {
		return false;
	}
	cJSON *command = splitter->command;
	if (splitter->is_target) {
		splitter->is_target = false;
		return add_target(command, path, splitter->is_output);
	}
	if (cua_json_text(command, "text")[0]) {
		return append_text(command, "text", word) &&
				append_text(command, "by_name", word) &&
				add_word(command, word, is_pattern(token, len)) &&
				add_if_path(command, path, is_pattern(token, len));
	}
	const char *slash = strrchr(word, '/'), *name = slash ? slash + 1 : word;
	return is_name(token, len, word) && append_text(command, "text", word) &&
			append_text(command, "by_name", name) && add_word(command, name, false);
}

/* --- lines --- */

static bool end_command(struct splitter *splitter)
{
	const bool is_whole = !splitter->is_target &&
			(!splitter->command || cua_json_text(splitter->command, "text")[0]);
	splitter->command = NULL;
	return is_whole;
}

static bool take_token(struct splitter *splitter, enum token kind, const char *token, size_t len)
{
	switch (kind) {
	case TOKEN_SPACE:
		return true;
	case TOKEN_BETWEEN:
		return end_command(splitter);
	case TOKEN_JOIN:
		return splitter->command && !splitter->is_target;
	case TOKEN_REDIRECT:
		if (splitter->is_target || (!splitter->command && !begin_command(splitter))) {
			return false;
		}
		splitter->is_target = true;
		splitter->is_output = memchr(token, '>', len) != NULL;
		return true;
	case TOKEN_WORD:
		return take_word(splitter, token, len);
	case TOKEN_NONE:
		break;
	}
	return false;
}

static bool split(struct splitter *splitter, const char *line)
{
	const size_t len = strlen(line);
	size_t at = 0;
	while (at < len) {
		const int groups = pcre2_match(splitter->code, (PCRE2_SPTR)line, len, at,
				PCRE2_ANCHORED, splitter->match, NULL);
		if (groups < 2) {
			return false;
		}
		const size_t end = pcre2_get_ovector_pointer(splitter->match)[1];
		if (end <= at ||
				!take_token(splitter, (enum token)(groups - 1), line + at,
						end - at)) {
			return false;
		}
		at = end;
	}
	return end_command(splitter) && cJSON_GetArraySize(splitter->commands) > 0;
}

cJSON *agent_command_split(const char *line, const char *home)
{
	int error = 0;
	PCRE2_SIZE place = 0;
	if (strlen(line) > LINE_MAX_LEN) {
		return NULL;
	}
	struct splitter splitter = { .home = home,
		.code = pcre2_compile((PCRE2_SPTR)tokens, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error,
				&place, NULL) };
	splitter.match = splitter.code ? pcre2_match_data_create_from_pattern(splitter.code, NULL)
				       : NULL;
	splitter.commands = cJSON_CreateArray();
	const bool is_well = splitter.match && splitter.commands && split(&splitter, line);
	pcre2_match_data_free(splitter.match);
	pcre2_code_free(splitter.code);
	if (!is_well) {
		cJSON_Delete(splitter.commands);
		return NULL;
	}
	return splitter.commands;
}
