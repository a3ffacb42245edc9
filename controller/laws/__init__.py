"""Laws, one file each: `step(params, memory, now, inputs) -> (memory, wishes, why)`. Each says what it does when blind."""
