/* cua bench: how fast and how costly it is, beside other programs */

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "cua/base/util.h"
#include "cua/bench/bench.h"
#include "cua/bench/bench_mcp.h"
#include "cua/bench/bench_peer.h"
#include "cua/cmd.h"

#define DEFAULT_RUNS 100
#define DEFAULT_LIMIT_MS 2000
#define QUICK_RUNS 2
#define RUNS_MAX 100000
#define PARALLEL_MAX 16
#define QUICK_SIZE \
	{ \
		640, 480 \
	}

static void print_help(void)
{
	printf("Usage: cua bench [TOPIC]... [OPTION]...\n"
	       "\n"
	       "Measures on desktops of its own, which it starts and stops, and prints a table. "
	       "Other\n"
	       "programs that do the same work take turns with cua on the same desktop; those "
	       "that are\n"
	       "not installed are named. Without a topic: all of them, which takes a while.\n"
	       "\n"
	       "Topics:\n");
	for (int i = 0; i < bench_topic_count; i++) {
		printf("  %-10s %s\n", bench_topics[i].name, bench_topics[i].help);
	}
	printf("\n"
	       "  --runs=N          measure each figure N times (%d), or for %d s\n"
	       "  --trials=N        the same, as settle calls it\n"
	       "  --parallel=N      so many desktops side by side, for settle (1)\n"
	       "  --size=WxH,...    of the screens (1024x768,1280x800,1920x1080,3840x2160)\n"
	       "  --screens=A,...   what is on them (blank,terminal,writer,photos,photo)\n"
	       "  --quick           a little of everything: shows that it runs, its times mean "
	       "nothing\n"
	       "  --json            one object per figure and line: median, p95, p99, runs, "
	       "machine\n"
	       "  --markdown        the tables of the README\n"
	       "  --scenarios=DIR   files in DIR replace the scenarios of the same name that are "
	       "built in\n"
	       "  --pictures=DIR    leave a picture of each screen in DIR\n"
	       "\n"
	       "Ctrl-C ends it, prints what there is so far, and leaves nothing running.\n"
	       "\n"
	       "Exit status: 0, 2 for wrong usage, 6 if a desktop or this machine failed.\n",
			DEFAULT_RUNS, DEFAULT_LIMIT_MS / 1000);
}

/* The words of a list with commas in it; text is cut up. False if there are too many. */
static bool split(char *text, const char **words, int max, int *count)
{
	char *rest = NULL;
	for (char *word = strtok_r(text, ",", &rest); word; word = strtok_r(NULL, ",", &rest)) {
		if (*count == max) {
			return false;
		}
		words[(*count)++] = word;
	}
	return true;
}

static bool parse_sizes(char *text, struct bench *bench)
{
	const char *words[BENCH_SIZES_MAX];
	int count = 0;
	bench->size_count = 0;
	bool good = split(text, words, BENCH_SIZES_MAX, &count) && count > 0;
	for (int i = 0; good && i < count; i++) {
		struct cua_point *size = &bench->sizes[bench->size_count++];
		char after = 0;
		good = sscanf(words[i], "%dx%d%c", &size->x, &size->y, &after) == 2 &&
				size->x >= 320 && size->y >= 200 && size->x <= 16384 &&
				size->y <= 16384 && (int64_t)size->x * size->y <= 32 << 20;
	}
	return good;
}

static bool knows_screen(const cJSON *scenario, const char *name)
{
	const cJSON *screen = NULL;
	cJSON_ArrayForEach (screen, cJSON_GetObjectItemCaseSensitive(scenario, "screens")) {
		if (strcmp(bench_text(screen, "name"), name) == 0) {
			return true;
		}
	}
	return false;
}

/* Screens that exist, and the sizes of the scenario where none were asked for. */
static int check_screens(struct bench *bench)
{
	struct cua_error error = { 0 };
	CUA_AUTO_JSON cJSON *scenario = bench_scenario(bench, "screens", &error);
	if (!scenario) {
		return cua_cmd_fail(&error);
	}
	for (int i = 0; i < bench->screen_count; i++) {
		if (!knows_screen(scenario, bench->screens[i])) {
			return cua_cmd_usage(
					"bench", "there is no screen \"%s\"", bench->screens[i]);
		}
	}
	const cJSON *size = NULL;
	cJSON_ArrayForEach (size, cJSON_GetObjectItemCaseSensitive(scenario, "sizes")) {
		struct cua_point *next = &bench->sizes[bench->size_count];
		if (bench->size_count < BENCH_SIZES_MAX && cJSON_IsString(size) &&
				sscanf(size->valuestring, "%dx%d", &next->x, &next->y) == 2) {
			bench->size_count++;
		}
	}
	return CUA_EXIT_OK;
}

struct bench_options {
	bool runs_given, size_given;
	enum bench_format format;
	const struct bench_topic *topics[32];
	int topic_count;
};

static bool read_count(const char *value, long max, int *ret_count)
{
	char *end = NULL;
	const long count = strtol(value, &end, 10);
	*ret_count = count >= 1 && count <= max ? (int)count : 0;
	return *value && !*end && *ret_count > 0;
}

static bool is_folder(const char *path)
{
	struct stat status;
	return stat(path, &status) == 0 && S_ISDIR(status.st_mode);
}

static int take_option(int option, char *value, struct bench *bench, struct bench_options *options)
{
	switch (option) {
	case 'r':
		options->runs_given = true;
		return read_count(value, RUNS_MAX, &bench->runs)
				? CUA_EXIT_OK
				: cua_cmd_usage("bench", "runs is \"%s\"; it must be 1 to %d",
						  value, RUNS_MAX);
	case 'n':
		return read_count(value, PARALLEL_MAX, &bench->parallel)
				? CUA_EXIT_OK
				: cua_cmd_usage("bench", "parallel is \"%s\"; it must be 1 to %d",
						  value, PARALLEL_MAX);
	case 's':
		options->size_given = true;
		return parse_sizes(value, bench)
				? CUA_EXIT_OK
				: cua_cmd_usage("bench",
						  "size must be up to %d of WIDTHxHEIGHT, "
						  "320x200 to 16384x16384 and at most 32 Mi "
						  "pixels",
						  BENCH_SIZES_MAX);
	case 'c':
		return split(value, bench->screens, BENCH_SCREENS_MAX, &bench->screen_count)
				? CUA_EXIT_OK
				: cua_cmd_usage("bench", "more than %d screens", BENCH_SCREENS_MAX);
	case 'd':
		bench->scenario_dir = value;
		return is_folder(value)
				? CUA_EXIT_OK
				: cua_cmd_usage("bench", "no folder %s of scenarios", value);
	case 'p':
		bench->picture_dir = value;
		return is_folder(value)
				? CUA_EXIT_OK
				: cua_cmd_usage("bench", "no folder %s for pictures", value);
	case 'q':
		bench->quick = true;
		return CUA_EXIT_OK;
	case 'j':
		options->format = BENCH_FORMAT_JSON;
		return CUA_EXIT_OK;
	case 'm':
		options->format = BENCH_FORMAT_MARKDOWN;
		return CUA_EXIT_OK;
	default:
		return cua_cmd_usage("bench", "wrong option");
	}
}

static int take_topics(int argc, char **argv, struct bench_options *options)
{
	for (int i = optind; i < argc; i++) {
		const struct bench_topic *found = NULL;
		for (int k = 0; k < bench_topic_count; k++) {
			found = strcmp(bench_topics[k].name, argv[i]) == 0 ? &bench_topics[k]
									   : found;
		}
		if (!found) {
			return cua_cmd_usage("bench", "there is no topic \"%s\"", argv[i]);
		}
		if (options->topic_count < (int)CUA_ARRAY_LEN(options->topics)) {
			options->topics[options->topic_count++] = found;
		}
	}
	for (int i = 0; optind >= argc && i < bench_topic_count; i++) {
		options->topics[options->topic_count++] = &bench_topics[i];
	}
	return CUA_EXIT_OK;
}

static int parse(int argc, char **argv, struct bench *bench, struct bench_options *options)
{
	static const struct option names[] = { { "runs", required_argument, NULL, 'r' },
		{ "trials", required_argument, NULL, 'r' },
		{ "parallel", required_argument, NULL, 'n' },
		{ "size", required_argument, NULL, 's' },
		{ "screens", required_argument, NULL, 'c' },
		{ "scenarios", required_argument, NULL, 'd' },
		{ "pictures", required_argument, NULL, 'p' }, { "quick", no_argument, NULL, 'q' },
		{ "json", no_argument, NULL, 'j' }, { "markdown", no_argument, NULL, 'm' }, { 0 } };
	for (int option; (option = getopt_long(argc, argv, "", names, NULL)) != -1;) {
		int result = take_option(option, optarg, bench, options);
		if (result != CUA_EXIT_OK) {
			return result;
		}
	}
	if (bench->quick && !options->runs_given) {
		bench->runs = QUICK_RUNS;
	}
	if (bench->quick && !options->size_given) {
		bench->sizes[bench->size_count++] = (struct cua_point)QUICK_SIZE;
	}
	int result = take_topics(argc, argv, options);
	struct cua_point chosen[BENCH_SIZES_MAX];
	const int chosen_count = bench->size_count;
	memcpy(chosen, bench->sizes, sizeof(chosen));
	bench->size_count = 0;
	result = result == CUA_EXIT_OK ? check_screens(bench) : result;
	if (chosen_count > 0) {
		memcpy(bench->sizes, chosen, sizeof(chosen));
		bench->size_count = chosen_count;
	}
	return result;
}

int cua_cmd_bench(int argc, char **argv)
{
	struct bench bench = {
		.runs = DEFAULT_RUNS, .limit_ms = DEFAULT_LIMIT_MS, .parallel = 1, .stop_fd = -1
	};
	struct bench_options options = { .format = BENCH_FORMAT_TABLE };
	if (argc == 2 && strcmp(argv[1], "--runner") == 0) {
		return bench_runner_main(); /* inside a desktop, see bench_peer.h */
	}
	if (argc == 2 && strcmp(argv[1], BENCH_MCP_OPTION) == 0) {
		return bench_mcp_main(); /* in a sandbox, see bench_tools.c */
	}
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_help();
			return CUA_EXIT_OK;
		}
	}
	int result = parse(argc, argv, &bench, &options);
	if (result != CUA_EXIT_OK) {
		return result;
	}
	struct cua_error error = { 0 };
	enum cua_status status = bench_begin(&bench, &error);
	for (int i = 0; status == CUA_OK && i < options.topic_count; i++) {
		status = options.topics[i]->run(&bench, &error);
		if (status != CUA_OK) {
			cua_error_prefix(&error, "%s", options.topics[i]->name);
		}
	}
	bench_end(&bench);
	bench_report_tidy(&bench.report);
	bench_report_print(&bench.report, options.format);
	bench_report_finish(&bench.report);
	if (status == CUA_ERR_CANCELLED) {
		fprintf(stderr, "cua: bench stopped\n");
		return 130;
	}
	/* Whatever fails here is no wrong request. */
	return status == CUA_OK ? CUA_EXIT_OK : (cua_cmd_fail(&error), CUA_EXIT_DESKTOP);
}
