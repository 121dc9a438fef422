#include "rpc/handle.h"

#include "base/ct.h"

struct handle *handle_open(struct handles *hs, struct env *env, uint32_t granted)
{
	for (size_t i = 0; i < HANDLES_MAX; i++) {
		struct handle *h = &hs->slots[i];

		if (h->used)
			continue;
		*h = (struct handle){.used = true, .granted = granted};
		env_random(env, mspan_of(h->id + 4, NDR_HANDLE_LEN - 4));
		return h;
	}
	return NULL;
}

struct handle *handle_find(struct handles *hs, const uint8_t id[NDR_HANDLE_LEN])
{
	for (size_t i = 0; i < HANDLES_MAX; i++) {
		struct handle *h = &hs->slots[i];

		if (h->used && ct_eq(h->id, id, NDR_HANDLE_LEN))
			return h;
	}
	return NULL;
}

void handle_close(struct handle *h)
{
	*h = (struct handle){0};
}
