"""The embedded cohort: an analytic beating heart in a thorax, imaged by short-axis bSSFP, with exact volumes.

It stands in for scans that may not be passed on. What is measured on it says nothing about patients.
"""

from cardiosynth.data.phantom.examination import Examination, cine, examination, subject, subjects
from cardiosynth.data.phantom.sites import Patient, ejection_fractions, patient

__all__ = ["Examination", "Patient", "cine", "ejection_fractions", "examination", "patient", "subject", "subjects"]
