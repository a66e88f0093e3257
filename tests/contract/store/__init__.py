"""What every store must do, asked of each real one."""
