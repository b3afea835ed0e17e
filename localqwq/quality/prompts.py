"""The prompts that a model thinks about for its own calibration and measurement.

The two sets share nothing, so that no importance matrix is measured on what it was made from. They
are a mixture of what people ask reasoning models: mathematics, logic, code, science, language and
everyday matters, some of it in other languages.
"""

CALIBRATION = (
    "What is 347 + 586?",
    "A train leaves at 14:35 and arrives at 17:10. It stops for 12 minutes on the way. For how "
    "many minutes does it move?",
    "Which is larger, 3.9 or 3.11?",
    "How many positive divisors does 720 have?",
    "Write a Python function that returns the longest increasing run in a list of numbers.",
    "Three boxes hold apples, oranges and a mixture, and every label is wrong. From which box do "
    "you take one fruit to label all of them correctly, and why?",
    "How many times does the letter r occur in strawberry?",
    "Solve x^2 - 5x + 6 = 0 and check your result.",
    "Explain to a ten-year-old why the sky is blue.",
    "What does this shell command do: find . -name '*.log' -mtime +7 -delete",
    "A rectangle is 3 cm longer than it is wide, and its area is 54 square centimetres. What are "
    "its sides?",
    "Prove that the sum of two odd numbers is even.",
    "Write an SQL query for the three customers with the largest total of orders in the last year.",
    "Was ist 128 + 457?",
    "Summarize the causes of the French Revolution in four sentences.",
    "Find the bug: def mean(xs): return sum(xs) / len(xs) if xs else None + 0",
    "If all bloops are razzies and some razzies are lazzies, must some bloops be lazzies?",
    "What is the derivative of x^3 * sin(x)?",
    "Translate into French: The meeting was moved to Thursday because two people are ill.",
    "How much water does a bath of 150 by 60 by 40 centimetres hold when it is half full?",
    "Plan a week of vegetarian dinners for two, with one shopping list.",
    "Compare a mutex with a semaphore, with an example for each.",
    "A coin is tossed five times. What is the probability of exactly three heads?",
    "Explica la diferencia entre velocidad y aceleración con un ejemplo.",
    "Rewrite this sentence politely: Send me the file today.",
    "What is the remainder when 7^100 is divided by 5?",
    "Write a regular expression for dates like 2024-02-29, and say what it does not check.",
    "Why does ice float on water?",
    "Design a JSON schema for a book with a title, one or more authors, and an optional year.",
    "Two pipes fill a tank in 6 and 9 hours. How long do they take together?",
    "Which is smaller, 12.07 or 12.7?",
    "Hello!",
)
"""For importance matrices."""

MEASURING = (
    "What is 764 + 158?",
    "How many integers from 1 to 200 are divisible by 3 or by 7?",
    "Which is larger, 8.35 or 8.4?",
    "How many times does the letter s occur in possession?",
    "Write a Python function that merges two sorted lists without using sort.",
    "Five friends sit in a row, and Ann does not sit beside Ben. In how many orders can they sit?",
    "Explain how a refrigerator moves heat from a cold place to a warm one.",
    "Integrate x * e^x from 0 to 1.",
    "Was ist 615 + 289?",
    "A shop lowers a price by 20 % and then raises it by 20 %. What is the total change?",
    "Write a short story about a lighthouse keeper who finds a letter, in 120 words.",
    'What is wrong with this C code: char *p = malloc(5); strcpy(p, "hello");',
    "Prove that the square root of 2 is irrational.",
    "Explique en trois phrases pourquoi il y a des saisons.",
    "Give three arguments for and three against working from home.",
    "A clock shows 3:15. What is the angle between its hands?",
)
"""For measuring perplexity and divergence."""
