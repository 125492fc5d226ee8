#include "agent/model/catalogue_internal.h"

#include <curl/curl.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "cua/base/util.h"

/* --- addresses --- */

/* "host:port" of a URL; "" if it is none. */
static void host_of(const char *text, char *host, size_t size)
{
	char *name = NULL, *port = NULL;
	CURLU *url = curl_url();
	host[0] = '\0';
	if (url && curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
			curl_url_get(url, CURLUPART_HOST, &name, 0) == CURLUE_OK &&
			curl_url_get(url, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) == CURLUE_OK) {
		snprintf(host, size, "%s:%s", name, port);
	}
	curl_free(name);
	curl_free(port);
	curl_url_cleanup(url);
}

static const struct agent_provider *provider_at(
		const struct agent_catalogue *catalogue, const char *base_url)
{
	char host[300], other[300];
	host_of(base_url, host, sizeof(host));
	for (size_t i = 0; host[0]; i++) {
		const struct agent_provider *provider = agent_catalogue_provider(catalogue, i);
		if (!provider) {
			break;
		}
		host_of(provider->base_url, other, sizeof(other));
		if (strcasecmp(host, other) == 0) {
			return provider;
		}
	}
	return NULL;
}

/* --- choosing --- */

/* An old price is a wrong one. */
static void forget_old_prices(struct agent_prices *prices)
{
	char today[16];
	time_t now = time(NULL);
	struct tm date;
	strftime(today, sizeof(today), "%Y-%m-%d", gmtime_r(&now, &date));
	if (prices->until[0] && strcmp(today, prices->until) > 0) {
		*prices = agent_model_spec_unknown.prices;
	}
}

static enum cua_status keep(
		char *to, size_t size, const char *text, const char *what, struct cua_error *err)
{
	if (strlen(text) >= size) {
		return CUA_FAIL(err, CUA_ERR_INVAL, 0, "%s is longer than %zu bytes", what,
				size - 1);
	}
	strcpy(to, text);
	return CUA_OK;
}

/* The provider that "PROVIDER/MODEL" begins with, and the rest; NULL and all of it otherwise. */
static const struct agent_provider *split_name(
		const struct agent_catalogue *catalogue, const char *name, const char **ret_model)
{
	const char *slash = strchr(name, '/');
	const struct agent_provider *provider = slash && slash[1]
			? catalogue_find_provider(catalogue, name, (size_t)(slash - name))
			: NULL;
	*ret_model = provider ? slash + 1 : name;
	return provider;
}

static const char *provider_url(const struct agent_provider *provider)
{
	const char *other =
			provider->base_url_variable[0] ? getenv(provider->base_url_variable) : NULL;
	return other && other[0] ? other : provider->base_url;
}

static enum cua_status fill_address(struct agent_model_choice *choice, const char *base_url,
		const char *api, struct cua_error *err)
{
	enum cua_status status = keep(
			choice->base_url, sizeof(choice->base_url), base_url, "the base URL", err);
	size_t len = strlen(choice->base_url);
	while (len > 0 && choice->base_url[len - 1] == '/') {
		choice->base_url[--len] = '\0';
	}
	return status == CUA_OK ? keep(choice->api, sizeof(choice->api), api, "the API", err)
				: status;
}

enum cua_status agent_catalogue_choose(const struct agent_catalogue *catalogue,
		const struct agent_model_wish *wish, struct agent_model_choice *ret_choice,
		struct cua_error *err)
{
	struct agent_model_choice choice = { 0 };
	struct catalogue_model model;
	const char *name = wish->model;
	if (wish->api && agent_model_check_api(wish->api, err) != CUA_OK) {
		return CUA_ERR_INVAL;
	}
	const struct agent_provider *at_url =
			wish->base_url ? provider_at(catalogue, wish->base_url) : NULL;
	const struct agent_provider *provider =
			wish->base_url ? at_url : split_name(catalogue, wish->model, &name);
	choice.is_listed = catalogue_describe(catalogue, name, &model);
	choice.spec = model.spec;
	forget_old_prices(&choice.spec.prices);
	if (!provider && model.provider[0]) {
		provider = catalogue_find_provider(
				catalogue, model.provider, strlen(model.provider));
	}
	if (!provider && !wish->base_url) {
		return CUA_FAIL(err, CUA_ERR_NOT_FOUND, 0,
				"nothing is known of who serves the model \"%.100s\": give it as "
				"PROVIDER/MODEL or give --base-url; cua models lists what is known",
				wish->model);
	}
	if (provider) {
		choice.provider = *provider;
		bool is_elsewhere = wish->base_url && provider != at_url;
		choice.needs_key = provider->needs_key && !is_elsewhere;
		if (provider->image_types) {
			choice.spec.images.types &= provider->image_types;
		}
	}
	enum cua_status status =
			keep(choice.model, sizeof(choice.model), name, "the model's name", err);
	if (status == CUA_OK) {
		status = fill_address(&choice,
				wish->base_url ? wish->base_url : provider_url(provider),
				wish->api                  ? wish->api
						: provider ? provider->api
							   : "chat",
				err);
	}
	if (status == CUA_OK) {
		*ret_choice = choice;
	}
	return status;
}

/* --- money --- */

/* Nothing costs nothing, also where the price is not known. */
static double part_cost(double tokens, double price)
{
	return tokens > 0 ? tokens * price / 1e6 : 0;
}

double agent_usage_cost(const struct agent_prices *prices, const struct agent_usage *usage)
{
	bool is_long = prices->long_above > 0 && usage->input_tokens > prices->long_above;
	double input_factor = is_long ? prices->long_input_factor : 1;
	double output_factor = is_long ? prices->long_output_factor : 1;
	double fresh = usage->input_tokens - usage->cached_tokens - usage->cache_write_tokens;
	return input_factor *
			(part_cost(fresh, prices->input) +
					part_cost(usage->cached_tokens, prices->cached) +
					part_cost(usage->cache_write_tokens, prices->cache_write)) +
			output_factor * part_cost(usage->output_tokens, prices->output);
}
