/* cua click, cua type, ...: one action from the command line. Arguments and help come from the
 * action table. */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sodium.h>

#include "cua/base/file.h"
#include "cua/base/util.h"
#include "cua/cmd.h"
#include "cua/cmd_action_stdin.h"
#include "cua/contract/action.h"
#include "cua/contract/action_text.h"
#include "cua/desktop_call.h"

struct action_command {
	const struct cua_action_spec *spec;
	cJSON *action; /* owned */
	const char *desktop, *output;
	long settle_ms; /* 0: the desktop's default; -1: none */
	bool json;
	const char *from_stdin; /* the argument that took it; NULL: none yet */
};

/* What may be given, and what it is when nothing is. */
static void print_values(const struct cua_arg_spec *arg)
{
	if (arg->type == CUA_ARG_INTEGER && !arg->is_x && !arg->is_y) {
		printf(" (%d to %d", arg->min, arg->max);
		if (arg->default_value != 0) {
			printf("; default %d", arg->default_value);
		}
		printf(")");
	} else if (arg->type == CUA_ARG_BOOLEAN) {
		printf(" (true or false; default %s)", arg->default_value ? "true" : "false");
	} else if (arg->type == CUA_ARG_REGION) {
		printf(" (as X,Y,WIDTH,HEIGHT)");
	} else if (arg->type == CUA_ARG_BUTTON) {
		printf(" (left, middle, right, back, forward)");
	}
	for (int i = 0; arg->type == CUA_ARG_CHOICE && arg->choices[i]; i++) {
		printf("%s%s%s", i == 0 ? " (" : ", ", arg->choices[i],
				arg->choices[i + 1] ? "" : ")");
	}
}

static void print_help(const struct cua_action_spec *spec)
{
	printf("Usage: cua %s", spec->name);
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		printf(arg->required ? " %s" : " [%s]", arg->name);
		if (arg->type == CUA_ARG_PATH) {
			printf("... (each point as X,Y)");
		}
	}
	printf(" [OPTION]...\n\n%s\n\nArguments, in this order or as --name=value:\n", spec->help);
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		printf("  %-12s %s", arg->name, arg->help);
		print_values(arg);
		printf("\n");
	}
	printf("\nOptions:\n"
	       "  -d, --desktop=NAME  the desktop; needless while there is only one\n"
	       "  -o, --output=FILE   write the screenshot taken afterwards; a PNG unless FILE "
	       "ends\n"
	       "                      in .jpg or .webp, or --format says otherwise\n"
	       "      --settle-ms=N   wait at most so long for the screen to rest; -1: not at all\n"
	       "      --json          print the whole answer\n"
	       "      --              what follows is no option\n");
	if (cmd_action_takes_stdin(spec, &spec->args[0])) {
		printf("\n- in the place of a text is standard input, all of it: a line break at "
		       "its "
		       "end, too.\n"
		       "After --, or beside other characters, - is a dash: cua %s -- -\n",
				spec->name);
	}
	if (spec == &cua_action_table[CUA_ACTION_FIND_TEXT]) {
		printf("\nExit status: 0 found; 1 not on the screen, or refused; 2 wrong usage; 6 "
		       "the "
		       "desktop failed.\n");
	}
}

/* --- arguments --- */

static const struct cua_arg_spec *arg_by_option(
		const struct cua_action_spec *spec, const char *option, size_t len)
{
	for (const struct cua_arg_spec *arg = spec->args; arg->name; arg++) {
		bool same = strlen(arg->name) == len;
		for (size_t i = 0; same && i < len; i++) {
			same = arg->name[i] == (option[i] == '-' ? '_' : option[i]);
		}
		if (same) {
			return arg;
		}
	}
	return NULL;
}

/* The next argument of the table that has no value yet. */
static const struct cua_arg_spec *next_positional(const struct action_command *command)
{
	for (const struct cua_arg_spec *arg = command->spec->args; arg->name; arg++) {
		if (arg->type == CUA_ARG_PATH ||
				!cJSON_GetObjectItemCaseSensitive(command->action, arg->name)) {
			return arg;
		}
	}
	return NULL;
}

static bool is_option(const char *word)
{
	return word[0] == '-' && word[1] && !(word[1] >= '0' && word[1] <= '9') && word[1] != '.';
}

/* Common options; 1 if it was one and took its value, 0 if not, -1 if its value is missing. */
static int common_option(
		struct action_command *command, const char *name, size_t len, const char *value)
{
	const struct {
		const char *name;
		const char **text;
	} texts[] = { { "-d", &command->desktop }, { "--desktop", &command->desktop },
		{ "-o", &command->output }, { "--output", &command->output } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(texts); i++) {
		if (strlen(texts[i].name) == len && strncmp(texts[i].name, name, len) == 0) {
			*texts[i].text = value;
			return value ? 1 : -1;
		}
	}
	if (len == strlen("--settle-ms") && strncmp(name, "--settle-ms", len) == 0) {
		char *end = NULL;
		command->settle_ms = value ? strtol(value, &end, 10) : 0;
		/* -1 is the only number that is no time; the desktop knows the upper bound. */
		return value && *value && !*end &&
						(command->settle_ms > 0 || command->settle_ms == -1)
				? 1
				: -1;
	}
	return 0;
}

static bool is_boolean(const char *word)
{
	CUA_AUTO_JSON cJSON *value = word ? cua_boolean_or_text(word) : NULL;
	return cJSON_IsBool(value);
}

/* What an argument is; "-" is standard input where that makes sense, and a dash where words are
 * meant literally. */
static int take_value(struct action_command *command, const struct cua_arg_spec *arg,
		const char *word, bool is_literal)
{
	struct cua_error error = { 0 };
	CUA_AUTO_BUFFER struct cua_buffer text;
	cua_buffer_init(&text, (size_t)arg->max + 1);
	if (is_literal || strcmp(word, "-") != 0 || !cmd_action_takes_stdin(command->spec, arg)) {
		cua_action_add_text(command->action, arg, word);
		return CUA_EXIT_OK;
	}
	if (command->from_stdin) {
		return cua_cmd_usage(command->spec->name,
				"%s: standard input is %s already; after --, - is a dash",
				arg->name, command->from_stdin);
	}
	command->from_stdin = arg->name;
	if (cmd_action_read_stdin(arg, &text, &error) != CUA_OK) {
		return cua_cmd_fail(&error);
	}
	cua_action_add_text(command->action, arg, text.data);
	return CUA_EXIT_OK;
}

/* Handles argv[*index], which is an option, and its value; --pointer alone says true. */
static int take_option(struct action_command *command, int argc, char **argv, int *index)
{
	const char *word = argv[*index];
	const char *equals = strchr(word, '=');
	const size_t len = equals ? (size_t)(equals - word) : strlen(word);
	if (strcmp(word, "--json") == 0) {
		command->json = true;
		return CUA_EXIT_OK;
	}
	const char *value = equals ? equals + 1 : *index + 1 < argc ? argv[*index + 1] : NULL;
	int common = common_option(command, word, len, value);
	const struct cua_arg_spec *arg = common == 0 && len > 2 && word[1] == '-'
			? arg_by_option(command->spec, word + 2, len - 2)
			: NULL;
	if (arg && arg->type == CUA_ARG_BOOLEAN && !equals && !is_boolean(value)) {
		cua_action_add_text(command->action, arg, "true");
		return CUA_EXIT_OK;
	}
	if (common == 0 && !arg) {
		return cua_cmd_usage(command->spec->name, "unknown option %s", word);
	}
	if (!value) {
		return cua_cmd_usage(command->spec->name, "%s needs a value", word);
	}
	if (common < 0) {
		return cua_cmd_usage(
				command->spec->name, "%s: \"%s\" is no value for it", word, value);
	}
	*index += equals ? 0 : 1;
	return arg ? take_value(command, arg, value, false) : CUA_EXIT_OK;
}

static int take_arguments(struct action_command *command, int argc, char **argv)
{
	bool options_over = false;
	for (int i = 1; i < argc; i++) {
		if (!options_over && strcmp(argv[i], "--") == 0) {
			options_over = true;
		} else if (!options_over && is_option(argv[i])) {
			int result = take_option(command, argc, argv, &i);
			if (result != CUA_EXIT_OK) {
				return result;
			}
		} else {
			const struct cua_arg_spec *arg = next_positional(command);
			if (!arg) {
				return cua_cmd_usage(command->spec->name, "too many arguments: %s",
						argv[i]);
			}
			const int result = take_value(command, arg, argv[i], options_over);
			if (result != CUA_EXIT_OK) {
				return result;
			}
		}
	}
	return CUA_EXIT_OK;
}

/* --- the answer --- */

static enum cua_status write_picture(
		const struct action_command *command, const cJSON *image, struct cua_error *err)
{
	const cJSON *base64 = cJSON_GetObjectItemCaseSensitive(image, "data");
	if (!cJSON_IsString(base64)) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop sent no picture");
	}
	const size_t size = strlen(base64->valuestring);
	CUA_AUTO_FREE unsigned char *bytes = malloc(size + 1);
	size_t len = 0;
	if (!bytes) {
		return CUA_FAIL(err, CUA_ERR_NOMEM, ENOMEM, "picture");
	}
	if (sodium_base642bin(bytes, size, base64->valuestring, size, NULL, &len, NULL,
			    sodium_base64_VARIANT_ORIGINAL) != 0) {
		return CUA_FAIL(err, CUA_ERR_CLOSED, 0, "the desktop sent a damaged picture");
	}
	struct stat info;
	const char *output = command->output ? command->output : "-";
	/* A device, a pipe, a link is written to, not replaced. */
	if (strcmp(output, "-") != 0 && lstat(output, &info) == 0 && !S_ISREG(info.st_mode)) {
		CUA_AUTO_FD int fd = open(output, O_WRONLY | O_TRUNC | O_CLOEXEC);
		return fd >= 0 && write(fd, bytes, len) == (ssize_t)len
				? CUA_OK
				: CUA_FAIL(err, CUA_ERR_IO, errno, "%s", output);
	}
	if (strcmp(output, "-") != 0) {
		return cua_file_write(command->output, bytes, len, 0644, err);
	}
	if (fwrite(bytes, 1, len, stdout) != len || fflush(stdout) != 0) {
		return CUA_FAIL(err, CUA_ERR_IO, errno, "standard output");
	}
	return CUA_OK;
}

static void print_window(const cJSON *window)
{
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(window, "id");
	const cJSON *title = cJSON_GetObjectItemCaseSensitive(window, "title");
	const cJSON *class = cJSON_GetObjectItemCaseSensitive(window, "class");
	const bool active = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(window, "active"));
	printf("%s 0x%08lx  %-28s %s\n", active ? "*" : " ",
			cJSON_IsNumber(id) ? (unsigned long)id->valuedouble : 0UL,
			cJSON_IsString(class) ? class->valuestring : "",
			cJSON_IsString(title) ? title->valuestring : "");
}

/* What has a place on the screen, one to a line; false if the result is no list of such. */
static bool print_places(const cJSON *result)
{
	static const char *const lists[] = { "marks", "matches", "elements" };
	const cJSON *list = NULL, *item = NULL;
	for (size_t i = 0; !list && i < CUA_ARRAY_LEN(lists); i++) {
		list = cJSON_GetObjectItemCaseSensitive(result, lists[i]);
	}
	cJSON_ArrayForEach (item, list) {
		const char *ref =
				cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "ref"));
		const char *role = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(item, "role"));
		const char *name = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(item, "name"));
		const char *text = cJSON_GetStringValue(
				cJSON_GetObjectItemCaseSensitive(item, "text"));
		const cJSON *x = cJSON_GetObjectItemCaseSensitive(item, "x");
		const cJSON *y = cJSON_GetObjectItemCaseSensitive(item, "y");
		printf("%-6s %5d %5d  %s%s\"%s\"\n", ref ? ref : "-", x ? x->valueint : -1,
				y ? y->valueint : -1, role ? role : "", role ? " " : "",
				text                   ? text
						: name ? name
						       : "");
	}
	return list != NULL;
}

/* What clipboard_get answers besides text; false if there is none of it. */
static bool print_content(const cJSON *result)
{
	const cJSON *files = cJSON_GetObjectItemCaseSensitive(result, "files");
	const cJSON *html = cJSON_GetObjectItemCaseSensitive(result, "html");
	const cJSON *png = cJSON_GetObjectItemCaseSensitive(result, "png_base64");
	const cJSON *file = NULL;
	cJSON_ArrayForEach (file, files) {
		printf("%s\n", cJSON_IsString(file) ? file->valuestring : "");
	}
	if (cJSON_IsString(html) || cJSON_IsString(png)) {
		printf("%s\n", cJSON_IsString(html) ? html->valuestring : png->valuestring);
		return true;
	}
	return files != NULL;
}

static void print_result(const struct action_command *command, const cJSON *answer)
{
	const cJSON *result =
			cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(answer, "results"), 0);
	const cJSON *x = cJSON_GetObjectItemCaseSensitive(result, "x");
	const cJSON *y = cJSON_GetObjectItemCaseSensitive(result, "y");
	const cJSON *text = cJSON_GetObjectItemCaseSensitive(result, "text");
	const cJSON *windows = cJSON_GetObjectItemCaseSensitive(result, "windows");
	const cJSON *window = cJSON_GetObjectItemCaseSensitive(result, "window");
	const cJSON *status = cJSON_GetObjectItemCaseSensitive(result, "status");
	if (cJSON_IsNumber(x) && cJSON_IsNumber(y)) {
		printf("%d %d\n", x->valueint, y->valueint);
	} else if (cJSON_IsString(text)) {
		printf("%s\n", text->valuestring);
	} else if (windows) {
		const cJSON *item = NULL;
		cJSON_ArrayForEach (item, windows) {
			print_window(item);
		}
	} else if (print_content(result) || print_places(result)) {
		return;
	} else if (window) {
		print_window(window);
	} else if (cJSON_IsString(status) && strcmp(status->valuestring, "delivered") != 0) {
		fprintf(stderr, "cua: %s: %s\n", command->spec->name, status->valuestring);
	}
}

/* As grep tells it; false, with a word why, if what was looked for is not there. */
static bool found(const struct action_command *command, const cJSON *result)
{
	const cJSON *matches = cJSON_GetObjectItemCaseSensitive(result, "matches");
	if (!cJSON_IsArray(matches) || cJSON_GetArraySize(matches) > 0) {
		return true;
	}
	fprintf(stderr, "cua: %s: nothing on the screen says \"%s\"\n", command->spec->name,
			cJSON_GetStringValue(
					cJSON_GetObjectItemCaseSensitive(command->action, "text")));
	return false;
}

/* The picture is what the action is for, not what the screen is like afterwards. */
static bool answers_with_picture(const struct cua_action_spec *spec)
{
	return spec == &cua_action_table[CUA_ACTION_SCREENSHOT] ||
			spec == &cua_action_table[CUA_ACTION_MARK_SCREEN];
}

static int show(const struct action_command *command, const cJSON *answer)
{
	struct cua_error error = { 0 };
	const bool is_screenshot = strcmp(command->spec->name, "screenshot") == 0;
	const cJSON *result =
			cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(answer, "results"), 0);
	const cJSON *image = answers_with_picture(command->spec)
			? cJSON_GetObjectItemCaseSensitive(result, "image")
			: cJSON_GetObjectItemCaseSensitive(answer, "screenshot");
	if (command->output || (is_screenshot && !command->json)) {
		if (write_picture(command, image, &error) != CUA_OK) {
			return cua_cmd_fail(&error);
		}
	}
	if (command->json) {
		CUA_AUTO_FREE char *text = cJSON_Print(answer);
		printf("%s\n", text ? text : "{}");
	} else if (!is_screenshot) {
		print_result(command, answer);
	}
	return found(command, result) ? CUA_EXIT_OK : CUA_EXIT_FAILED;
}

/* What the name of a file says that it holds; NULL: nothing that a picture could be but PNG. */
static const char *format_of_file(const char *path)
{
	static const struct {
		const char *ending, *format;
	} endings[] = { { ".jpg", "jpeg" }, { ".jpeg", "jpeg" }, { ".webp", "webp" } };
	const char *dot = path ? strrchr(path, '.') : NULL;
	for (size_t i = 0; dot && i < CUA_ARRAY_LEN(endings); i++) {
		if (strcasecmp(dot, endings[i].ending) == 0) {
			return endings[i].format;
		}
	}
	return NULL;
}

static cJSON *make_body(const struct action_command *command)
{
	cJSON *body = cJSON_CreateObject();
	const bool is_screenshot = strcmp(command->spec->name, "screenshot") == 0;
	const char *format = format_of_file(command->output);
	if (is_screenshot && format &&
			!cJSON_GetObjectItemCaseSensitive(command->action, "format")) {
		cJSON_AddStringToObject(command->action, "format", format);
	}
	cJSON_AddItemReferenceToArray(cJSON_AddArrayToObject(body, "actions"), command->action);
	if (!command->output || answers_with_picture(command->spec)) {
		cJSON_AddFalseToObject(body, "screenshot");
	} else if (format) {
		cJSON_AddStringToObject(
				cJSON_AddObjectToObject(body, "screenshot"), "format", format);
	}
	if (command->settle_ms < 0) {
		cJSON_AddFalseToObject(body, "settle");
	} else if (command->settle_ms > 0) {
		cJSON_AddNumberToObject(cJSON_AddObjectToObject(body, "settle"), "timeout_ms",
				(double)command->settle_ms);
	}
	/* Each command is a connection of its own: mouse_down would end with it. */
	cJSON_AddTrueToObject(body, "keep_held");
	return body;
}

/* The index of the action tells nothing when there is one. */
static void drop_index(char *text)
{
	static const char index[] = "action 0: ";
	if (strncmp(text, index, strlen(index)) == 0) {
		memmove(text, text + strlen(index), strlen(text + strlen(index)) + 1);
	}
}

int cua_cmd_action(int argc, char **argv)
{
	struct action_command command = { .spec = cua_action_find(argv[0]) };
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help(command.spec);
			return CUA_EXIT_OK;
		}
	}
	CUA_AUTO_JSON cJSON *action = cJSON_CreateObject();
	command.action = action;
	cJSON_AddStringToObject(action, "action", command.spec->name);
	int result = take_arguments(&command, argc, argv);
	if (result != CUA_EXIT_OK) {
		return result;
	}
	if (strcmp(argv[0], "screenshot") == 0 && !command.output && !command.json &&
			isatty(STDOUT_FILENO)) {
		return cua_cmd_usage(argv[0], "a picture is no text for a terminal; use -o FILE");
	}
	if (command.spec == &cua_action_table[CUA_ACTION_MARK_SCREEN] &&
			format_of_file(command.output)) {
		return cua_cmd_usage(argv[0], "%s: a picture with marks is a PNG", command.output);
	}
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *body = make_body(&command);
	CUA_AUTO_JSON cJSON *answer = NULL;
	if (cua_desktop_call(command.desktop, "POST", "/v1/actions", body, &answer, &error) !=
			CUA_OK) {
		if (command.json && answer) {
			CUA_AUTO_FREE char *text = cJSON_Print(answer);
			printf("%s\n", text ? text : "{}");
		}
		drop_index(error.msg);
		return cua_cmd_fail(&error);
	}
	return show(&command, answer);
}
