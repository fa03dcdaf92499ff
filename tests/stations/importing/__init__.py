"""Tests of importing lists: sheets made here as offices make them, and files made to do harm."""
