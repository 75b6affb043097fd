"""What the operator's command does: audit, replay, erase. Imported by nothing else."""
