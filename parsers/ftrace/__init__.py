"""What all readers of ftrace recordings share, binary or text: task history, order, call stacks, side band."""
