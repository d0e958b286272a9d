#!/bin/sh
# A study as a Slurm array of twelve jobs that share one folder: every job does
# the runs of its part that have no result yet. Submit again what was cut off:
# what is done is not done again, and a broken run goes on from its last epoch.
# Of jobs submitted again alone (`--array=3,7`) each has the part it had before.
#
#   sbatch examples/study-slurm.sh
#   fovea study --out study --collect
#
#SBATCH --job-name=fovea-study
#SBATCH --array=0-11
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=12:00:00
#SBATCH --requeue

set -eu
exec fovea study \
  --data photos/aptos2019 \
  --from resnet18-imagenet.pth \
  --out study \
  --shard "$SLURM_ARRAY_TASK_ID/12"
