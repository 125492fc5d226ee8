#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/model/keys.h"
#include "agent/secrets/store.h"
#include "cua/base/file.h"
#include "cua/base/util.h"

static char dir[64];

static int make_dir(void **state)
{
	(void)state;
	strcpy(dir, "/tmp/cua-test-secrets-XXXXXX");
	unsetenv("CREDENTIALS_DIRECTORY");
	return mkdtemp(dir) && setenv("CUA_STATE_DIR", dir, true) == 0 ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	return cua_remove_tree(dir, NULL) == CUA_OK ? 0 : -1;
}

static const char *path_of(const char *name)
{
	static char path[128];
	snprintf(path, sizeof(path), "%s/secrets/%s", dir, name);
	return path;
}

static enum cua_status set(const char *name, const char *value, const char *window,
		const char *origin, struct cua_error *err)
{
	struct agent_secrets *secrets = NULL;
	CUA_AUTO_JSON cJSON *windows = window ? cJSON_CreateStringArray(&window, 1) : NULL;
	CUA_AUTO_JSON cJSON *origins = origin ? cJSON_CreateStringArray(&origin, 1) : NULL;
	assert_int_equal(agent_secrets_edit(&secrets, NULL), CUA_OK);
	enum cua_status status = agent_secrets_set(
			secrets, name, value, !window && !origin, windows, origins, err);
	if (status == CUA_OK) {
		status = agent_secrets_save(secrets, err);
	}
	agent_secrets_close(secrets);
	return status;
}

static char *contents(const char *name, size_t *ret_len)
{
	struct cua_buffer text;
	cua_buffer_init(&text, 1 << 20);
	assert_int_equal(cua_file_read(path_of(name), &text, NULL), CUA_OK);
	*ret_len = text.len;
	return text.data;
}

static void what_is_set_is_found_again(void **state)
{
	(void)state;
	struct agent_secrets *secrets = NULL;
	struct stat info;
	assert_int_equal(agent_secrets_open(&secrets, NULL), CUA_OK);
	assert_null(agent_secrets_get(secrets, 0));
	assert_null(agent_secrets_find(secrets, "BANK"));
	agent_secrets_close(secrets);
	assert_int_equal(stat(path_of(""), &info), -1); /* looking makes nothing */

	assert_int_equal(set("BANK", "hunter2 hunter2", NULL, "HTTPS://Bank.Example:443", NULL),
			CUA_OK);
	assert_int_equal(set("ANTHROPIC_API_KEY", "sk-ant-0123456789", NULL, NULL, NULL), CUA_OK);
	assert_int_equal(set("BANK", "a new, longer value", "Pinentry*", NULL, NULL), CUA_OK);
	assert_int_equal(set("app.pin-2", "12345678", NULL, "http://[::1]:8080", NULL), CUA_OK);
	assert_int_equal(agent_secrets_open(&secrets, NULL), CUA_OK);
	assert_string_equal(agent_secrets_get(secrets, 0)->name, "ANTHROPIC_API_KEY");
	const struct agent_secret *bank = agent_secrets_find(secrets, "BANK");
	assert_string_equal(bank->value, "a new, longer value");
	assert_false(bank->is_api_key);
	assert_string_equal(cJSON_GetArrayItem(bank->windows, 0)->valuestring, "Pinentry*");
	assert_int_equal(cJSON_GetArraySize(bank->origins), 0);
	const struct agent_secret *pin = agent_secrets_find(secrets, "app.pin-2");
	assert_string_equal(cJSON_GetArrayItem(pin->origins, 0)->valuestring, "http://[::1]:8080");
	assert_null(agent_secrets_get(secrets, 3));
	agent_secrets_close(secrets);

	assert_int_equal(stat(path_of("key"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(stat(path_of("sealed"), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	assert_int_equal(stat(path_of(""), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0700);
}

static void the_file_shows_nothing(void **state)
{
	(void)state;
	size_t len = 0;
	assert_int_equal(set("BANK", "hunter2 hunter2", "Bank window*", NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *sealed = contents("sealed", &len);
	assert_null(memmem(sealed, len, "hunter2", 7));
	assert_null(memmem(sealed, len, "BANK", 4));
	assert_null(memmem(sealed, len, "Bank", 4));
}

static void expect_refused(enum cua_status expected, const char *said)
{
	struct agent_secrets *secrets = NULL;
	struct cua_error why = { 0 };
	assert_int_equal(agent_secrets_open(&secrets, &why), expected);
	assert_null(secrets);
	assert_non_null(strstr(why.msg, said));
}

static void write_back(const char *name, const char *bytes, size_t len)
{
	assert_int_equal(cua_file_write(path_of(name), bytes, len, 0600, NULL), CUA_OK);
}

/* Every byte of it, cut anywhere, and with another key. */
static void a_changed_file_is_an_error(void **state)
{
	(void)state;
	size_t len = 0, key_len = 0;
	assert_int_equal(set("BANK", "hunter2 hunter2", "Pinentry", NULL, NULL), CUA_OK);
	CUA_AUTO_FREE char *sealed = contents("sealed", &len);
	CUA_AUTO_FREE char *key = contents("key", &key_len);
	for (size_t i = 0; i < len; i++) {
		sealed[i] ^= 1;
		write_back("sealed", sealed, len);
		expect_refused(CUA_ERR_POLICY, "was changed");
		sealed[i] ^= 1;
	}
	for (size_t cut = 0; cut < len; cut += 7) {
		write_back("sealed", sealed, cut);
		expect_refused(CUA_ERR_POLICY, "was changed");
	}
	write_back("sealed", sealed, len);
	key[0] = key[0] == '0' ? '1' : '0';
	write_back("key", key, key_len);
	expect_refused(CUA_ERR_POLICY, "belongs to another key");
	write_back("key", "short", 5);
	expect_refused(CUA_ERR_POLICY, "the key of the secrets is damaged");
	assert_int_equal(unlink(path_of("key")), 0);
	expect_refused(CUA_ERR_POLICY, "belongs to another key");
}

static void others_may_not_read_it(void **state)
{
	(void)state;
	assert_int_equal(set("BANK", "hunter2 hunter2", "Pinentry", NULL, NULL), CUA_OK);
	assert_int_equal(chmod(path_of("key"), 0640), 0);
	expect_refused(CUA_ERR_POLICY, "chmod 600");
	assert_int_equal(chmod(path_of("key"), 0600), 0);
	assert_int_equal(chmod(path_of(""), 0750), 0);
	expect_refused(CUA_ERR_POLICY, "chmod 700");
}

static void a_key_of_systemd_is_taken(void **state)
{
	(void)state;
	char credential[128];
	static const char key[] =
			"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n";
	snprintf(credential, sizeof(credential), "%s/cua-secrets.key", dir);
	assert_int_equal(cua_file_write(credential, key, strlen(key), 0400, NULL), CUA_OK);
	setenv("CREDENTIALS_DIRECTORY", dir, true);
	assert_int_equal(set("BANK", "hunter2 hunter2", "Pinentry", NULL, NULL), CUA_OK);
	assert_int_equal(access(path_of("sealed"), F_OK), 0);
	assert_int_equal(access(path_of("key"), F_OK), -1);
	struct agent_secrets *secrets = NULL;
	assert_int_equal(agent_secrets_open(&secrets, NULL), CUA_OK);
	assert_string_equal(agent_secrets_find(secrets, "BANK")->value, "hunter2 hunter2");
	agent_secrets_close(secrets);
	unsetenv("CREDENTIALS_DIRECTORY");
	expect_refused(CUA_ERR_POLICY, "another key");
}

static void what_cannot_be_kept_is_told(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value, *window, *origin, *said;
	} rows[] = { { "1st", "long enough", "a", NULL, "a name has letters" },
		{ "a b", "long enough", "a", NULL, "a name has letters" },
		{ "", "long enough", "a", NULL, "a name has letters" },
		{ "A", "seven77", "a", NULL, "it must have 8 to 4096" },
		{ "A", "line\nbreak", "a", NULL, "line break" },
		{ "A", "bad \xff utf8", "a", NULL, "no UTF-8" },
		{ "A", "spaces in a key", NULL, NULL, "no key has" },
		{ "A", "long enough", "", NULL, "a window is" },
		{ "A", "long enough", "**", NULL, "must not fit all windows" },
		{ "A", "long enough", NULL, "bank.example", "an origin is" },
		{ "A", "long enough", NULL, "https://", "an origin is" },
		{ "A", "long enough", NULL, "https://*.bank.example", "an origin is" },
		{ "A", "long enough", NULL, "https://bank.example/login", "an origin is" },
		{ "A", "long enough", NULL, "https://user@bank.example", "an origin is" },
		{ "A", "long enough", NULL, "ftp://bank.example", "an origin is" },
		{ "A", "long enough", NULL, "file:///etc/passwd", "an origin is" } };
	for (size_t i = 0; i < CUA_ARRAY_LEN(rows); i++) {
		struct cua_error why = { 0 };
		enum cua_status status = set(
				rows[i].name, rows[i].value, rows[i].window, rows[i].origin, &why);
		if (status != CUA_ERR_INVAL || !strstr(why.msg, rows[i].said)) {
			fail_msg("row %zu: %s", i, why.msg);
		}
		assert_null(strstr(why.msg, rows[i].value));
	}
}

static void what_is_removed_is_gone(void **state)
{
	(void)state;
	struct agent_secrets *secrets = NULL;
	struct cua_error why = { 0 };
	assert_int_equal(set("A", "hunter2 hunter2", "a", NULL, NULL), CUA_OK);
	assert_int_equal(set("B", "hunter3 hunter3", "a", NULL, NULL), CUA_OK);
	assert_int_equal(agent_secrets_edit(&secrets, NULL), CUA_OK);
	assert_int_equal(agent_secrets_remove(secrets, "A", NULL), CUA_OK);
	assert_int_equal(agent_secrets_remove(secrets, "A", &why), CUA_ERR_NOT_FOUND);
	assert_int_equal(agent_secrets_save(secrets, NULL), CUA_OK);
	agent_secrets_close(secrets);
	assert_int_equal(agent_secrets_open(&secrets, NULL), CUA_OK);
	assert_null(agent_secrets_find(secrets, "A"));
	assert_string_equal(agent_secrets_get(secrets, 0)->value, "hunter3 hunter3");
	agent_secrets_close(secrets);
}

/* Two that set at once: neither is lost. */
static void nobody_overwrites_another(void **state)
{
	(void)state;
	for (int i = 0; i < 8; i++) {
		const pid_t child = fork();
		if (child == 0) {
			char name[16];
			snprintf(name, sizeof(name), "S%d", i);
			_exit(set(name, "hunter2 hunter2", "a", NULL, NULL) == CUA_OK ? 0 : 1);
		}
	}
	for (int i = 0; i < 8; i++) {
		int status = 0;
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	struct agent_secrets *secrets = NULL;
	assert_int_equal(agent_secrets_open(&secrets, NULL), CUA_OK);
	assert_non_null(agent_secrets_get(secrets, 7));
	agent_secrets_close(secrets);
}

static void a_key_of_a_model_is_taken_where_the_environment_has_none(void **state)
{
	(void)state;
	struct agent_catalogue *catalogue = NULL;
	struct agent_secrets *secrets = NULL;
	struct agent_keys *keys = NULL;
	struct agent_model_choice choice;
	const struct agent_model_wish wish = { .model = "gpt-6.1-sol" };
	const char *key = NULL;
	assert_int_equal(set("OPENAI_API_KEY", "sk-kept-0123456789", NULL, NULL, NULL), CUA_OK);
	assert_int_equal(set("ANTHROPIC_API_KEY", "sk-typed-0123456789", "a", NULL, NULL), CUA_OK);
	assert_int_equal(agent_catalogue_load(NULL, &catalogue, NULL), CUA_OK);
	assert_int_equal(agent_catalogue_choose(catalogue, &wish, &choice, NULL), CUA_OK);
	assert_int_equal(agent_secrets_open(&secrets, NULL), CUA_OK);
	unsetenv("CUA_API_KEY");
	unsetenv("OPENAI_API_KEY");
	assert_int_equal(agent_keys_take(catalogue, secrets, &keys, NULL), CUA_OK);
	assert_int_equal(agent_keys_choose(keys, &choice, &key, NULL), CUA_OK);
	assert_string_equal(key, "sk-kept-0123456789");
	agent_keys_destroy(keys);
	setenv("OPENAI_API_KEY", "sk-of-environment-01", true);
	assert_int_equal(agent_keys_take(catalogue, secrets, &keys, NULL), CUA_OK);
	assert_int_equal(agent_keys_choose(keys, &choice, &key, NULL), CUA_OK);
	assert_string_equal(key, "sk-of-environment-01");
	agent_keys_destroy(keys);
	/* What is to be typed is no key of a model. */
	const struct agent_model_wish other = { .model = "claude-sonnet-5-5" };
	unsetenv("ANTHROPIC_API_KEY");
	assert_int_equal(agent_catalogue_choose(catalogue, &other, &choice, NULL), CUA_OK);
	assert_int_equal(agent_keys_take(catalogue, secrets, &keys, NULL), CUA_OK);
	assert_int_equal(agent_keys_choose(keys, &choice, &key, NULL), CUA_ERR_INVAL);
	agent_keys_destroy(keys);
	agent_secrets_close(secrets);
	agent_catalogue_destroy(catalogue);
}

static void a_process_with_secrets_leaves_no_core(void **state)
{
	(void)state;
	const pid_t child = fork();
	if (child == 0) {
		const struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
		struct agent_secrets *secrets = NULL;
		setrlimit(RLIMIT_CORE, &all);
		if (agent_secrets_open(&secrets, NULL) != CUA_OK) {
			_exit(1);
		}
		abort();
	}
	int status = 0;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_false(WCOREDUMP(status));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_dir, remove_dir)
	const struct CMUnitTest tests[] = {
		TEST(what_is_set_is_found_again),
		TEST(the_file_shows_nothing),
		TEST(a_changed_file_is_an_error),
		TEST(others_may_not_read_it),
		TEST(a_key_of_systemd_is_taken),
		TEST(what_cannot_be_kept_is_told),
		TEST(what_is_removed_is_gone),
		TEST(nobody_overwrites_another),
		TEST(a_key_of_a_model_is_taken_where_the_environment_has_none),
		TEST(a_process_with_secrets_leaves_no_core),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
