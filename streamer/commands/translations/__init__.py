"""What the commands say, in Chinese: their help, their options, and what they print."""
