#include "base/recent.h"

#include <stdlib.h>

struct slot {
	uint64_t key; /* 0: free */
	uint64_t time;
};

struct recent {
	size_t sets; /* power of two */
	struct slot slots[];
};

struct recent *recent_new(size_t room)
{
	struct recent *r;
	size_t sets = 1;

	while (sets * RECENT_WAYS < room)
		sets *= 2;
	r = calloc(1, sizeof(*r) + sets * RECENT_WAYS * sizeof(struct slot));
	if (r)
		r->sets = sets;
	return r;
}

void recent_free(struct recent *r)
{
	free(r);
}

uint64_t *recent_at(struct recent *r, uint64_t key)
{
	struct slot *set = &r->slots[(key & (r->sets - 1)) * RECENT_WAYS];
	struct slot *oldest = set;

	for (size_t i = 0; i < RECENT_WAYS; i++) {
		if (set[i].key == key)
			return &set[i].time;
		if (set[i].time < oldest->time)
			oldest = &set[i];
	}
	*oldest = (struct slot){.key = key};
	return &oldest->time;
}
