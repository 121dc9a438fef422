/*
 * fuzz_ctl.c - any bytes as lines to the control socket.
 *
 * Besides surviving: each line is answered by one line of JSON, which has a result or an error.
 *
 * The calls that show what goes on are among those that can be made, on something made up, whose users may be called
 * like anything: the last byte of the input decides.
 *
 * Target functions: ctl_answer, ctl_refuse, status_calls
 */
#include "../unit/status_fake.h"
#include "ctl/ctl.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static json_t *call_echo(void *arg, const json_t *args, struct ctl_error *e)
{
	return json_deep_copy(args);
}

static json_t *call_no(void *arg, const json_t *args, struct ctl_error *e)
{
	const char *text = json_string_value(json_object_get(args, "text"));

	return ctl_refuse(e, CTL_REFUSED, "%.9s", text ? text : "");
}

static const struct ctl_call calls[] = {
	{"a.echo", call_echo},
	{"a.no", call_no},
	{0},
};

static void answer_one(struct status_fake *fake, struct span line)
{
	const struct ctl_family families[] = {{calls, NULL},
					      {status_calls, &fake->status}};
	char *text = ctl_answer(families, ARRAY_LEN(families), line);
	json_t *answer;

	if (!text)
		abort();
	if (strchr(text, '\n') != text + strlen(text) - 1)
		abort();
	answer = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	if (!answer ||
	    !json_object_get(answer, "result") == !json_object_get(answer, "error"))
		abort();
	json_decref(answer);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = span_of(data, size);
	struct status_fake fake;
	char user[2] = {size ? (char)data[size - 1] : 'u'};

	status_fake_init(&fake);
	fake.user = user;
	while (rest.len) {
		const uint8_t *end = memchr(rest.p, '\n', rest.len);
		size_t len = end ? (size_t)(end - rest.p) : rest.len;

		answer_one(&fake, span_head(rest, len));
		rest = span_from(rest, len + 1);
	}
	return 0;
}
