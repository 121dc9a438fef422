/* test_channel_sequence.c - requests from before a channel failed, and what they may not do any more */
#include "test.h"

#include "smb/channel_sequence.h"

/* Every step of one open; `leave` names an earlier step whose request ends first, counted from 1. */
struct step {
	uint16_t sequence;
	bool replay;
	unsigned leave;
	bool allowed;
};

static void check_steps(const struct step *steps, size_t count)
{
	struct channel_sequence s = {0};
	bool counted[16];

	for (size_t i = 0; i < count; i++) {
		unsigned n = steps[i].leave;

		if (n)
			channel_sequence_leave(&s, steps[n - 1].sequence, counted[n - 1]);
		CHECK_EQ(channel_sequence_enter(&s, steps[i].sequence, steps[i].replay,
						&counted[i]),
			 steps[i].allowed);
	}
}

TEST(channel_sequence_only_goes_up)
{
	static const struct step steps[] = {
		{0, false, 0, true},      {1, false, 0, true},
		{0, false, 0, false},     {0x8000, false, 0, true},
		{0xFFFF, false, 0, true}, {0x7FFF, false, 0, false},
		{0, false, 0, true},      {0xFFFF, true, 0, false},
	};

	check_steps(steps, ARRAY_LEN(steps));
}

TEST(channel_sequence_a_replay_waits_for_what_came_before)
{
	static const struct step steps[] = {
		{0, false, 0, true},
		{1, true, 0, false}, /* the first is at work */
		{1, true, 0, false},
		{1, false, 0, true}, /* what repeats nothing may pass */
		{1, true, 1, true},  /* the first has ended */
	};

	check_steps(steps, ARRAY_LEN(steps));
}

TEST(channel_sequence_what_was_not_counted_does_not_end)
{
	static const struct step steps[] = {
		{2, false, 0, true}, {1, false, 0, false},
		{2, true, 2, true},  {3, true, 1, false}, /* the third is at work */
		{3, true, 3, true},
	};

	check_steps(steps, ARRAY_LEN(steps));
}

TEST(channel_sequence_replay_in_the_same_sequence)
{
	static const struct step steps[] = {
		{0, false, 0, true},
		{0, true, 0, true},
	};

	check_steps(steps, ARRAY_LEN(steps));
}

TEST_MAIN()
