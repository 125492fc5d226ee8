/* cua-standin: a model for demos that reads the screen and follows a script. */

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "cua/base/buffer.h"
#include "cua/base/util.h"
#include "demos/standin/match.h"
#include "demos/standin/server.h"

#define PNG_FILE_MAX (64U * 1024U * 1024U)

static const char usage[] =
		"usage: cua-standin --script FILE [--port N] [--fault SPEC]...\n"
		"       cua-standin --answer-at-once N [--port N] [--fault SPEC]...\n"
		"       cua-standin --script FILE --check | --print-task | --print NAME\n"
		"       cua-standin --read PICTURE.png [--find TEXT]\n"
		"       cua-standin --words\n"
		"\n"
		"Plays a model on loopback, over whichever API it is asked: OpenAI Responses,\n"
		"Anthropic Messages, Gemini generateContent, Chat Completions. Looks for the texts "
		"of the script on the screenshots it is\n"
		"sent, and answers with the places where they stand. Many may ask at once: each\n"
		"plays the script from its beginning.\n"
		"\n"
		"  --script FILE   the script; demos/README.md explains how to write one\n"
		"  --port N        port on 127.0.0.1; 0, the default, lets the system choose\n"
		"  --answer-at-once N\n"
		"                  no script: clicks N times at the top left without looking\n"
		"  --fault SPEC    what goes wrong with an answer, 'at=3,status=529' for example;\n"
		"                  may be given again\n"
		"  --quirks LIST   deviate as servers do that were met; names with commas "
		"between:\n"
		"                  " WIRE_QUIRKS "\n"
		"  --key KEY       refuse all keys but this one; any will do if it is not given\n"
		"  --check         check the script and end\n"
		"  --print-task    print the task a person would give\n"
		"  --print NAME    print the values of the steps marked 'as: NAME', joined\n"
		"  --read FILE     print the words on a picture: confidence, box, text\n"
		"  --find TEXT     with --read: print where the text stands; status 1 if nowhere\n"
		"  --words         print the step words and their options, and the words of "
		"faults\n"
		"  --idle SECONDS  end when nobody has asked for so long\n"
		"  --quiet         do not log steps to standard error\n"
		"  --help, --version\n"
		"\n"
		"Prints 'listening on 127.0.0.1:PORT' when ready, serves until SIGTERM or SIGINT.\n"
		"The model's name is 'standin'.\n";

struct options {
	const char *script, *picture, *find, *print;
	struct wire_settings settings;
	int port, at_once;
	bool check, print_task, words, quiet;
};

/* For the signal handler alone. */
static struct server *running_server;

static void on_signal(int number)
{
	(void)number;
	server_stop(running_server);
}

/* OpenMP reads the limit before main(); with more threads one screen takes seven times as long. */
static void limit_threads(char **argv)
{
	if (getenv("OMP_THREAD_LIMIT")) {
		return;
	}
	setenv("OMP_THREAD_LIMIT", "1", 1);
	execv("/proc/self/exe", argv);
	/* Without /proc it is slow, and works. */
}

static int complain(const struct cua_error *err)
{
	fprintf(stderr, "cua-standin: %s\n", err->msg);
	return 1;
}

static enum cua_status read_adapter(void *reader, const void *png, size_t png_len,
		struct see_screen *ret_screen, struct cua_error *err)
{
	return see_read_png(reader, png, png_len, ret_screen, err);
}

static enum cua_status load_file(const char *path, struct cua_buffer *into, struct cua_error *err)
{
	FILE *file = fopen(path, "rbe");
	if (!file) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, errno, "%s", path);
	}
	char piece[65536];
	size_t got;
	enum cua_status status = CUA_OK;
	while (status == CUA_OK && (got = fread(piece, 1, sizeof(piece), file)) > 0) {
		status = cua_buffer_append(into, piece, got, err);
	}
	fclose(file);
	return status;
}

static int print_places(const struct see_screen *screen, const char *text)
{
	struct match places[MATCH_PLACES_MAX];
	int count = match_find(screen, text, places, MATCH_PLACES_MAX);
	for (int i = 0; i < count; i++) {
		const struct see_box *box = &places[i].box;
		printf("%d,%d misread %d\n", (box->left + box->right) / 2,
				(box->top + box->bottom) / 2, places[i].distance);
	}
	return count ? 0 : 1;
}

static int read_picture(const struct options *options)
{
	struct cua_error err;
	CUA_AUTO_BUFFER struct cua_buffer png;
	cua_buffer_init(&png, PNG_FILE_MAX);
	struct see_reader *reader = NULL;
	struct see_screen screen;
	if (load_file(options->picture, &png, &err) != CUA_OK ||
			see_reader_create(&reader, &err) != CUA_OK) {
		return complain(&err);
	}
	enum cua_status status = see_read_png(reader, png.data, png.len, &screen, &err);
	see_reader_destroy(reader);
	if (status != CUA_OK) {
		return complain(&err);
	}
	int result = 0;
	if (options->find) {
		result = print_places(&screen, options->find);
	} else {
		for (int i = 0; i < screen.word_count; i++) {
			const struct see_word *word = &screen.words[i];
			printf("%3d %d,%d,%d,%d %s\n", word->confidence, word->box.left,
					word->box.top, word->box.right, word->box.bottom,
					word->text);
		}
	}
	see_screen_finish(&screen);
	return result;
}

/* The values as they are, with nothing added but line breaks between steps that are not 'type':
 * what two type steps type follows on. */
static int print_values(const struct script *script, const char *name)
{
	int count = 0;
	for (int i = 0; i < script->step_count; i++) {
		const struct script_step *step = &script->steps[i];
		if (!step->as || strcmp(step->as, name) != 0) {
			continue;
		}
		fputs(script_step_text(step), stdout);
		if (step->word != SCRIPT_TYPE) {
			putchar('\n');
		}
		count++;
	}
	if (!count) {
		fprintf(stderr, "cua-standin: no step is marked 'as: %s'\n", name);
	}
	return count ? 0 : 1;
}

static int serve(struct options *options, const struct script *script)
{
	struct cua_error err;
	struct see_reader *reader = NULL;
	if (!options->at_once && see_reader_create(&reader, &err) != CUA_OK) {
		return complain(&err);
	}
	struct play_common common;
	struct conversations conversations;
	int port = 0;
	struct server *server = NULL;
	enum cua_status status = play_common_init(&common, script, read_adapter, reader,
			options->quiet ? NULL : stderr, &err);
	conversations_init(&conversations, &common);
	if (status == CUA_OK) {
		status = server_create(options->port, &conversations, &options->settings, &server,
				&port, &err);
	}
	if (status == CUA_OK) {
		running_server = server;
		struct sigaction action = { .sa_handler = on_signal };
		sigaction(SIGTERM, &action, NULL);
		sigaction(SIGINT, &action, NULL);
		sigaction(SIGALRM, &action, NULL);
		alarm((unsigned int)options->settings.idle_s);
		signal(SIGPIPE, SIG_IGN);
		setvbuf(stderr, NULL, _IOLBF, 0);
		printf("listening on 127.0.0.1:%d\n", port);
		fflush(stdout);
		server_run(server);
		server_destroy(server);
	}
	conversations_finish(&conversations);
	play_common_finish(&common);
	see_reader_destroy(reader);
	return status == CUA_OK ? 0 : complain(&err);
}

static enum cua_status load_script(
		const struct options *options, struct script **ret_script, struct cua_error *err)
{
	char text[256];
	if (!options->at_once) {
		return script_load(options->script, ret_script, err);
	}
	int len = snprintf(text, sizeof(text),
			"task: Click.\n"
			"steps:\n"
			"  - click_at: [1, 1]\n"
			"    times: %d\n"
			"  - done: Done.\n",
			options->at_once);
	return script_parse("--answer-at-once", text, (size_t)len, ret_script, err);
}

static int use_script(struct options *options)
{
	struct cua_error err;
	struct script *script = NULL;
	if (load_script(options, &script, &err) != CUA_OK) {
		return complain(&err);
	}
	int result = 0;
	if (options->print_task) {
		printf("%s\n", script->task);
	} else if (options->print) {
		result = print_values(script, options->print);
	} else if (!options->check) {
		result = serve(options, script);
	}
	script_destroy(script);
	return result;
}

static bool read_number(const char *name, const char *text, int min, int max, int *ret_number)
{
	char *end = NULL;
	long number = strtol(text, &end, 10);
	if (end == text || *end || number < min || number > max) {
		fprintf(stderr, "cua-standin: --%s is '%s'; it must be %d to %d\n", name, text, min,
				max);
		return false;
	}
	*ret_number = (int)number;
	return true;
}

static bool check_quirks(const char *quirks)
{
	static const char known[] = " " WIRE_QUIRKS " ";
	while (*quirks) {
		char word[64];
		size_t len = strcspn(quirks, ",");
		snprintf(word, sizeof(word), " %.*s ", (int)len, quirks);
		if (!len || !strstr(known, word)) {
			fprintf(stderr, "cua-standin: there is no quirk '%.*s'; known are:%s\n",
					(int)len, quirks, known);
			return false;
		}
		quirks += len + (quirks[len] == ',');
	}
	return true;
}

static bool read_fault(const char *text, struct wire_settings *settings)
{
	struct cua_error err;
	if (settings->fault_count == WIRE_FAULTS_MAX) {
		fprintf(stderr, "cua-standin: more than %d faults\n", WIRE_FAULTS_MAX);
		return false;
	}
	if (fault_parse(text, &settings->faults[settings->fault_count], &err) != CUA_OK) {
		complain(&err);
		return false;
	}
	settings->fault_count++;
	return true;
}

/* Returns the exit status to end with, or -1 to go on. */
static int read_options(int argc, char **argv, struct options *options)
{
	static const struct option known[] = {
		{ "script", required_argument, NULL, 's' },
		{ "port", required_argument, NULL, 'p' },
		{ "answer-at-once", required_argument, NULL, 'a' },
		{ "fault", required_argument, NULL, 'F' },
		{ "quirks", required_argument, NULL, 'Q' },
		{ "key", required_argument, NULL, 'k' },
		{ "idle", required_argument, NULL, 'i' },
		{ "print-port", no_argument, NULL, 'P' },
		{ "check", no_argument, NULL, 'c' },
		{ "print-task", no_argument, NULL, 't' },
		{ "print", required_argument, NULL, 'n' },
		{ "read", required_argument, NULL, 'r' },
		{ "find", required_argument, NULL, 'f' },
		{ "words", no_argument, NULL, 'w' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ 0 },
	};
	int option;
	while ((option = getopt_long(argc, argv, "h", known, NULL)) != -1) {
		switch (option) {
		case 's':
			options->script = optarg;
			break;
		case 'p':
			if (!read_number("port", optarg, 0, 65535, &options->port)) {
				return 2;
			}
			break;
		case 'i':
			if (!read_number("idle", optarg, 1, 86400, &options->settings.idle_s)) {
				return 2;
			}
			break;
		case 'a':
			if (!read_number("answer-at-once", optarg, 1, PLAY_TURNS_MAX - 1,
					    &options->at_once)) {
				return 2;
			}
			break;
		case 'F':
			if (!read_fault(optarg, &options->settings)) {
				return 2;
			}
			break;
		case 'Q':
			if (!check_quirks(optarg)) {
				return 2;
			}
			options->settings.quirks = optarg;
			break;
		case 'k':
			options->settings.key = optarg;
			break;
		case 'P':
			break; /* the port is always printed */
		case 'c':
			options->check = true;
			break;
		case 't':
			options->print_task = true;
			break;
		case 'n':
			options->print = optarg;
			break;
		case 'r':
			options->picture = optarg;
			break;
		case 'f':
			options->find = optarg;
			break;
		case 'w':
			options->words = true;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 'h':
			fputs(usage, stdout);
			return 0;
		case 'v':
			puts("cua-standin " CUA_VERSION);
			return 0;
		default:
			return 2;
		}
	}
	if (optind < argc ||
			(!options->script && !options->picture && !options->words &&
					!options->at_once)) {
		fputs(usage, stderr);
		return 2;
	}
	return -1;
}

int main(int argc, char **argv)
{
	static struct options options;
	int result = read_options(argc, argv, &options);
	if (result >= 0) {
		return result;
	}
	if (options.words) {
		script_print_words(stdout);
		puts("\nfaults:");
		fault_print_words(stdout);
		return 0;
	}
	if (sodium_init() < 0) {
		fputs("cua-standin: libsodium cannot start\n", stderr);
		return 1;
	}
	limit_threads(argv);
	return options.picture ? read_picture(&options) : use_script(&options);
}
