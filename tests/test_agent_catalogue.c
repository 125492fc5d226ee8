#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/model/catalogue.h"
#include "agent/model/keys.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

#define UNKNOWN ((double)NAN)

static char path[] = "/tmp/cua-test-models-XXXXXX";

static int set_up(void **state)
{
	(void)state;
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	int fd = mkstemp(path);
	close(fd);
	setenv("XDG_CONFIG_HOME", "/nonexistent", 1);
	return fd < 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* With a file of the user's; NULL: without one. */
static struct agent_catalogue *load(const char *users)
{
	struct agent_catalogue *catalogue = NULL;
	struct cua_error why = { 0 };
	if (users) {
		assert_int_equal(cua_file_write(path, users, strlen(users), 0600, NULL), CUA_OK);
	}
	if (agent_catalogue_load(users ? path : NULL, &catalogue, &why) != CUA_OK) {
		fail_msg("%s", why.msg);
	}
	return catalogue;
}

static struct agent_model_choice choose(const struct agent_catalogue *catalogue, const char *model,
		const char *base_url, const char *api)
{
	const struct agent_model_wish wish = { .model = model, .base_url = base_url, .api = api };
	struct agent_model_choice choice;
	struct cua_error why = { 0 };
	if (agent_catalogue_choose(catalogue, &wish, &choice, &why) != CUA_OK) {
		fail_msg("%s: %s", model, why.msg);
	}
	return choice;
}

static struct agent_model_spec spec_of(const struct agent_catalogue *catalogue, const char *model)
{
	return choose(catalogue, model, "http://127.0.0.1:1", NULL).spec;
}

static bool is(double value, double expected)
{
	return fabs(value - expected) < 1e-9;
}

/* --- what comes with the program --- */

static void listed_models_have_providers(void **state)
{
	(void)state;
	struct agent_catalogue *catalogue = load(NULL);
	const char *name = NULL;
	size_t count = 0;
	while ((name = agent_catalogue_model(catalogue, count))) {
		struct agent_model_choice choice = choose(catalogue, name, NULL, NULL);
		assert_true(choice.is_listed && choice.needs_key);
		assert_true(choice.provider.name[0] && choice.spec.tool[0]);
		assert_true(choice.spec.images.types & AGENT_IMAGE_PNG);
		count++;
	}
	assert_true(count > 30);
	agent_catalogue_destroy(catalogue);
}

static void families_and_models_add_up(void **state)
{
	(void)state;
	static const struct {
		const char *name, *tool, *beta, *profile;
		enum agent_coordinates coordinates;
		double max_side, input, cache_write, context;
	} rows[] = {
		{ "gpt-6.1-sol", "computer", "", "", AGENT_COORDINATES_PIXELS, 65535, 2, 2.5,
				1050000 },
		{ "gpt-5.4-mini", "computer", "", "", AGENT_COORDINATES_PIXELS, 6000, 0.75, UNKNOWN,
				0 },
		{ "claude-opus-5-5", "computer_toolset_20260801", "", "", AGENT_COORDINATES_PIXELS,
				2576, 4, 5, 1000000 },
		{ "claude-opus-4-8", "computer_toolset_20260801", "", "", AGENT_COORDINATES_PIXELS,
				2576, 5, 6.25, 0 },
		{ "claude-opus-4-7", "computer_20251124", "computer-use-2025-11-24", "",
				AGENT_COORDINATES_PIXELS, 2576, 5, 6.25, 0 },
		{ "claude-opus-4-5", "computer_20251124", "computer-use-2025-11-24", "",
				AGENT_COORDINATES_PIXELS, 1568, 5, 6.25, 0 },
		{ "claude-sonnet-4-5", "computer_20250124", "computer-use-2025-01-24", "",
				AGENT_COORDINATES_PIXELS, 1568, 3, 3.75, 0 },
		{ "gemini-3.8-flash", "desktop", "", "", AGENT_COORDINATES_GRID, 0, 0.75, UNKNOWN,
				1048576 },
		{ "gemini-3-flash-preview", "legacy", "", "", AGENT_COORDINATES_GRID, 0, 0.5,
				UNKNOWN, 1048576 },
		{ "Qwen/Qwen3-VL-30B-A3B-Instruct", "", "", "qwen3-vl", AGENT_COORDINATES_GRID, 0,
				UNKNOWN, UNKNOWN, 0 },
		{ "qwen2.5-vl:7b", "", "", "qwen2.5-vl", AGENT_COORDINATES_RESIZED, 0, UNKNOWN,
				UNKNOWN, 0 },
		{ "ByteDance-Seed/UI-TARS-1.5-7B", "", "", "ui-tars", AGENT_COORDINATES_RESIZED, 0,
				UNKNOWN, UNKNOWN, 0 },
		{ "doubao-1-5-ui-tars-250428", "", "", "ui-tars", AGENT_COORDINATES_GRID, 0,
				UNKNOWN, UNKNOWN, 0 },
		{ "Hcompany/Holo3-35B-A3B", "", "", "holo3", AGENT_COORDINATES_GRID, 0, UNKNOWN,
				UNKNOWN, 0 },
		{ "holo3.1-9b", "", "", "holo", AGENT_COORDINATES_GRID, 0, UNKNOWN, UNKNOWN, 0 },
		{ "nobody-knows", "", "", "", AGENT_COORDINATES_PIXELS, 0, UNKNOWN, UNKNOWN, 0 },
	};
	struct agent_catalogue *catalogue = load(NULL);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model_spec spec = spec_of(catalogue, rows[i].name);
		assert_string_equal(spec.tool, rows[i].tool);
		assert_string_equal(spec.beta, rows[i].beta);
		assert_string_equal(spec.profile, rows[i].profile);
		assert_int_equal(spec.coordinates, rows[i].coordinates);
		assert_true(is(spec.images.max_side, rows[i].max_side));
		assert_true(is(spec.context, rows[i].context));
		/* The price of Gemini is known until a day that comes. */
		assert_true(isnan(rows[i].input) ? isnan(spec.prices.input)
						 : is(spec.prices.input, rows[i].input) ||
								spec.prices.until[0] ||
								isnan(spec.prices.input));
		assert_true(isnan(rows[i].cache_write)
						? isnan(spec.prices.cache_write)
						: is(spec.prices.cache_write, rows[i].cache_write));
	}
	agent_catalogue_destroy(catalogue);
}

/* --- the user's file --- */

static void a_users_file_adds_and_changes(void **state)
{
	(void)state;
	struct agent_catalogue *catalogue = load(
			"{\"providers\": {\"office\": {\"base_url\": \"https://llm.example/v1\", "
			"\"keys\": [\"OFFICE_KEY\"], \"key_header\": \"api-key: \"},\n"
			" \"openai\": {\"base_url\": \"https://proxy.example/v1/\"}},\n"
			" \"models\": {\"our-*\": {\"provider\": \"office\", \"context\": 4096},\n"
			" \"our-best\": {\"prices\": {\"input\": 1, \"output\": \"unknown\"}},\n"
			" \"gpt-6.1-sol\": {\"prices\": {\"input\": 3}}}}");
	struct agent_model_choice ours = choose(catalogue, "our-best", NULL, NULL);
	assert_string_equal(ours.provider.name, "office");
	assert_string_equal(ours.api, "chat");
	assert_string_equal(ours.provider.key_header, "api-key: ");
	assert_true(is(ours.spec.context, 4096) && is(ours.spec.prices.input, 1));
	assert_true(isnan(ours.spec.prices.output));
	struct agent_model_choice theirs = choose(catalogue, "gpt-6.1-sol", NULL, NULL);
	assert_string_equal(theirs.base_url, "https://proxy.example/v1");
	assert_string_equal(theirs.api, "responses");
	assert_true(is(theirs.spec.prices.input, 3) && is(theirs.spec.prices.output, 10));
	agent_catalogue_destroy(catalogue);
}

static void what_is_wrong_in_it_is_found(void **state)
{
	(void)state;
	static const struct {
		const char *text, *where, *what;
	} rows[] = {
		{ "", ":1:1: ", "not JSON" },
		{ "{\n \"models\": {,}}", ":2:14: ", "not JSON" },
		{ "[]", ":1:1: ", "must be an object" },
		{ "{}x", "", "one JSON" },
		{ "{\"model\": {}}", ":1:11: ", "model: is no part" },
		{ "{\"models\": []}", ":1:12: ", "models: must be an object" },
		{ "{\"models\": {\n\t\"m\": {\n\t\t\"pricse\": {}}}}",
				":3:13: ", "models > m > pricse: is no member" },
		{ "{\"models\": {\"m\": {\"prices\":\n {\"input\": -1}}}}",
				":2:12: ", "models > m > prices > input: must be a number" },
		{ "{\"models\": {\"m\": {\"context\": \"big\"}}}", ":1:30: ", "\"unknown\"" },
		{ "{\"models\": {\"m\": {\"provider\": \"nobody\"}}}",
				":1:31: ", "no provider \"nobody\"" },
		{ "{\"models\": {\"m\": {\"coordinates\": \"polar\"}}}", ":1:34: ", "grid" },
		{ "{\"models\": {\"m\": {\"images\": {\"types\": [\"gif\"]}}}}",
				":1:39: ", "webp" },
		{ "{\"models\": {\"m\": {\"prices\": {\"confirmed\": 1}}}}", ":1:43: ", "true" },
		{ "{\"models\": {\"m\": {\"note\": \"a\\u001bb\"}}}", ":1:27: ", "control" },
		{ "{\"providers\": {\"p\": {\"api\": \"chat\"}}}", ":1:21: ", "no base_url" },
		{ "{\"providers\": {\"p\": {\"keys\": \"KEY\"}}}", ":1:30: ", "list" },
		{ "{\"providers\": {\"a/b\": {}}}", ":1:23: ", "no slash" },
	};
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_catalogue *catalogue = NULL;
		struct cua_error why = { 0 };
		assert_int_equal(cua_file_write(path, rows[i].text, strlen(rows[i].text), 0600,
						 NULL),
				CUA_OK);
		assert_int_equal(agent_catalogue_load(path, &catalogue, &why), CUA_ERR_INVAL);
		if (!strstr(why.msg, path) || !strstr(why.msg, rows[i].where) ||
				!strstr(why.msg, rows[i].what)) {
			fail_msg("%s: %s", rows[i].text, why.msg);
		}
	}
}

static void a_named_file_must_be_there(void **state)
{
	(void)state;
	struct agent_catalogue *catalogue = NULL;
	setenv("CUA_MODELS", "/nonexistent/models.json", 1);
	assert_int_equal(agent_catalogue_load(NULL, &catalogue, NULL), CUA_ERR_NOT_FOUND);
	unsetenv("CUA_MODELS");
}

/* --- choosing --- */

static void a_wish_comes_to_an_address(void **state)
{
	(void)state;
	static const struct {
		const char *model, *base_url, *api;         /* the wish */
		const char *name, *provider, *spoken, *url; /* the choice */
		bool needs_key;
	} rows[] = {
		{ "gpt-6.1-sol", NULL, NULL, "gpt-6.1-sol", "openai", "responses",
				"https://api.openai.com/v1", true },
		{ "openai/some-new-one", NULL, NULL, "some-new-one", "openai", "responses",
				"https://api.openai.com/v1", true },
		{ "openrouter/openai/gpt-6", NULL, NULL, "openai/gpt-6", "openrouter", "chat",
				"https://openrouter.ai/api/v1", true },
		{ "ollama/qwen3-vl:8b", NULL, NULL, "qwen3-vl:8b", "ollama", "chat",
				"http://127.0.0.1:11434/v1", false },
		{ "mystery", "http://127.0.0.1:9999/v1//", NULL, "mystery", "", "chat",
				"http://127.0.0.1:9999/v1", false },
		{ "mystery", "http://127.0.0.1:9999/v1", "responses", "mystery", "", "responses",
				"http://127.0.0.1:9999/v1", false },
		{ "mystery", "https://api.openai.com/v1", NULL, "mystery", "openai", "responses",
				"https://api.openai.com/v1", true },
		{ "openai/gpt-6", "https://openrouter.ai/api/v1", NULL, "openai/gpt-6",
				"openrouter", "chat", "https://openrouter.ai/api/v1", true },
		{ "gpt-6.1-sol", "https://proxy.example/v1", NULL, "gpt-6.1-sol", "openai",
				"responses", "https://proxy.example/v1", false },
	};
	struct agent_catalogue *catalogue = load(NULL);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model_choice choice =
				choose(catalogue, rows[i].model, rows[i].base_url, rows[i].api);
		assert_string_equal(choice.model, rows[i].name);
		assert_string_equal(choice.provider.name, rows[i].provider);
		assert_string_equal(choice.api, rows[i].spoken);
		assert_string_equal(choice.base_url, rows[i].url);
		assert_int_equal(choice.needs_key, rows[i].needs_key);
	}
	setenv("OPENAI_BASE_URL", "https://other.example/v1", 1);
	struct agent_model_choice choice = choose(catalogue, "gpt-6.1-sol", NULL, NULL);
	unsetenv("OPENAI_BASE_URL");
	assert_string_equal(choice.base_url, "https://other.example/v1");
	agent_catalogue_destroy(catalogue);
}

static void what_nobody_serves_is_refused(void **state)
{
	(void)state;
	struct agent_catalogue *catalogue = load(NULL);
	struct agent_model_choice choice;
	struct cua_error why = { 0 };
	const struct agent_model_wish unknown = { .model = "mystery" };
	const struct agent_model_wish no_api = { .model = "gpt-6-sol", .api = "telepathy" };
	assert_int_equal(agent_catalogue_choose(catalogue, &unknown, &choice, &why),
			CUA_ERR_NOT_FOUND);
	assert_non_null(strstr(why.msg, "--base-url"));
	assert_int_equal(agent_catalogue_choose(catalogue, &no_api, &choice, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "responses"));
	agent_catalogue_destroy(catalogue);
}

/* --- keys --- */

static void keys_leave_the_environment(void **state)
{
	(void)state;
	static const char *const variables[] = { "CUA_API_KEY", "OPENAI_API_KEY",
		"ANTHROPIC_API_KEY", "GOOGLE_API_KEY", "OFFICE_KEY" };
	struct agent_catalogue *catalogue = load(
			"{\"providers\": {\"office\": {\"base_url\": \"https://llm.example/v1\", "
			"\"keys\": [\"OFFICE_KEY\"]}}}");
	struct agent_keys *keys = NULL;
	struct cua_error why = { 0 };
	const char *key = NULL;
	for (size_t i = 1; i < CUA_ARRAY_LEN(variables); i++) {
		setenv(variables[i], variables[i], 1);
	}
	setenv("GEMINI_API_KEY", "", 1);
	const char *in_memory = getenv("OPENAI_API_KEY");
	assert_int_equal(agent_keys_take(catalogue, NULL, &keys, NULL), CUA_OK);
	for (size_t i = 0; i < CUA_ARRAY_LEN(variables); i++) {
		assert_null(getenv(variables[i]));
	}
	assert_string_equal(in_memory, "");
	struct agent_model_choice choice = choose(catalogue, "gemini-3.8-flash", NULL, NULL);
	assert_int_equal(agent_keys_choose(keys, &choice, &key, NULL), CUA_OK);
	assert_string_equal(key, "GOOGLE_API_KEY"); /* the first that is not empty */
	choice = choose(catalogue, "mystery", "http://127.0.0.1:9999/v1", NULL);
	assert_int_equal(agent_keys_choose(keys, &choice, &key, NULL), CUA_OK);
	assert_null(key); /* nobody's key goes to an address that is nobody's */
	choice = choose(catalogue, "openrouter/m", NULL, NULL);
	assert_int_equal(agent_keys_choose(keys, &choice, &key, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "set OPENROUTER_API_KEY or CUA_API_KEY"));
	agent_keys_destroy(keys);
	agent_catalogue_destroy(catalogue);
}

static void our_own_variable_goes_first(void **state)
{
	(void)state;
	struct agent_catalogue *catalogue = load(NULL);
	struct agent_keys *keys = NULL;
	struct cua_error why = { 0 };
	const char *key = NULL;
	setenv("CUA_API_KEY", "ours", 1);
	setenv("OPENAI_API_KEY", "bad\nkey", 1);
	assert_int_equal(agent_keys_take(catalogue, NULL, &keys, NULL), CUA_OK);
	struct agent_model_choice choice = choose(catalogue, "gpt-6.1-sol", NULL, NULL);
	assert_int_equal(agent_keys_choose(keys, &choice, &key, NULL), CUA_OK);
	assert_string_equal(key, "ours");
	agent_keys_destroy(keys);

	setenv("OPENAI_API_KEY", "bad\nkey", 1);
	assert_int_equal(agent_keys_take(catalogue, NULL, &keys, NULL), CUA_OK);
	assert_int_equal(agent_keys_choose(keys, &choice, &key, &why), CUA_ERR_INVAL);
	assert_non_null(strstr(why.msg, "OPENAI_API_KEY"));
	assert_null(strstr(why.msg, "bad"));
	agent_keys_destroy(keys);
	agent_catalogue_destroy(catalogue);
}

/* --- money --- */

static void requests_cost_what_the_prices_say(void **state)
{
	(void)state;
	struct agent_catalogue *catalogue =
			load("{\"models\": {\"old\": {\"prices\": {\"input\": 1, "
			     "\"until\": \"2020-12-31\"}}}}");
	struct agent_prices sol = spec_of(catalogue, "gpt-6.1-sol").prices;
	struct agent_usage usage = { .input_tokens = 100000,
		.cached_tokens = 80000,
		.cache_write_tokens = 10000,
		.output_tokens = 1000,
		.reasoning_tokens = 900 };
	/* 10,000 fresh at 2, 80,000 at 0.10, 10,000 at 2.50, 1,000 at 10 */
	assert_true(is(agent_usage_cost(&sol, &usage), 0.02 + 0.008 + 0.025 + 0.01));
	usage.input_tokens += 200000;
	assert_true(is(agent_usage_cost(&sol, &usage), 2 * (0.42 + 0.008 + 0.025) + 1.5 * 0.01));
	struct agent_prices no_write = spec_of(catalogue, "gpt-5.4").prices;
	assert_true(isnan(agent_usage_cost(&no_write, &usage)));
	usage = (struct agent_usage){ .input_tokens = 1000000 };
	struct agent_prices old = spec_of(catalogue, "old").prices;
	assert_true(isnan(agent_usage_cost(&old, &usage)));
	agent_catalogue_destroy(catalogue);
}

static void a_provider_bounds_the_types_of_pictures(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		unsigned types;
	} rows[] = { { "openai/gpt-6-astra",
				     AGENT_IMAGE_PNG | AGENT_IMAGE_JPEG | AGENT_IMAGE_WEBP },
		{ "lmstudio/gpt-oss-20b", AGENT_IMAGE_PNG | AGENT_IMAGE_JPEG },
		{ "lmstudio/nobody-knows", 0 } };
	struct agent_catalogue *catalogue = load(NULL);
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct agent_model_choice choice = choose(catalogue, rows[i].name, NULL, NULL);
		assert_int_equal(choice.spec.images.types, rows[i].types);
	}
	agent_catalogue_destroy(catalogue);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(listed_models_have_providers),
		TEST(families_and_models_add_up),
		TEST(a_users_file_adds_and_changes),
		TEST(what_is_wrong_in_it_is_found),
		TEST(a_named_file_must_be_there),
		TEST(a_wish_comes_to_an_address),
		TEST(a_provider_bounds_the_types_of_pictures),
		TEST(what_nobody_serves_is_refused),
		TEST(keys_leave_the_environment),
		TEST(our_own_variable_goes_first),
		TEST(requests_cost_what_the_prices_say),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
